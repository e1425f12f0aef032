package dev.godwit.cli.host;

import dev.godwit.cli.ExitStatus;
import dev.godwit.control.ControlException;
import dev.godwit.control.MigrateOrder;
import dev.godwit.control.SnapshotOrder;
import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Kind;
import dev.godwit.control.TransferEvent.Phase;
import dev.godwit.machine.Machine;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationException;
import dev.godwit.source.MigrationOptions;
import dev.godwit.source.MigrationOptions.Compression;
import dev.godwit.source.MigrationOptions.OnTimeout;
import dev.godwit.source.MigrationReport;
import dev.godwit.source.NetworkSink;
import dev.godwit.source.NetworkSinkOptions;
import dev.godwit.source.SourceState;
import dev.godwit.source.StateSink;
import dev.godwit.source.file.FileSink;
import dev.godwit.wire.StreamOpening;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A machine's migrations and snapshots, one at a time, and what became of the last one. */
final class Transfers {
  /** Rounds before a machine that is to be suspended is stopped, however much is left. */
  private static final int SUSPEND_ROUNDS = 3;

  private @Nullable LiveMigration running;
  private @Nullable TransferEvent last;
  private boolean busy;
  private boolean suspended;

  /** Returns the newest event, or null if there was no transfer yet. */
  synchronized @Nullable TransferEvent last() {
    return last;
  }

  /** Says whether the machine stands because the answer to COMMIT got lost. */
  synchronized boolean isWaiting() {
    return running != null && running.state() instanceof SourceState.Asking;
  }

  /** Cancels what is in flight; see {@link LiveMigration#cancel}. */
  synchronized boolean cancel() {
    return running != null && running.cancel();
  }

  /** While the answer to COMMIT is unknown: the machine goes on here. */
  void takeBack() {
    force(LiveMigration::forceResume);
  }

  /** While the answer to COMMIT is unknown: the machine ends here. */
  void giveUp() {
    force(LiveMigration::forceStop);
  }

  private void force(Predicate<LiveMigration> decision) {
    LiveMigration migration;
    synchronized (this) {
      migration = running;
    }
    if (migration == null || !decision.test(migration)) {
      throw new ControlException(
          ControlException.Code.WRONG_STATE, "meanwhile the destination has answered");
    }
  }

  /** Says whether something is in flight. */
  synchronized boolean isBusy() {
    return busy;
  }

  /** Returns when nothing is in flight. */
  synchronized void awaitIdle() throws InterruptedException {
    while (busy) {
      wait();
    }
  }

  /** Adds to the end of a machine where it went. */
  synchronized HostEnd explain(HostEnd end) {
    TransferEvent event = last;
    if (event == null || event.phase() != Phase.DONE || end.status() != ExitStatus.OK) {
      return end;
    }
    return switch (event.kind()) {
      case MIGRATE -> new HostEnd(end.status(), "migrated to " + event.target());
      case SNAPSHOT ->
          suspended ? new HostEnd(end.status(), "suspended to " + event.target()) : end;
    };
  }

  TransferEvent migrate(
      Machine machine, MigrateOrder order, String version, Consumer<TransferEvent> progress) {
    Endpoint to = Endpoint.parse(order.to());
    MigrationOptions options = options(order);
    return run(
        machine,
        new NetworkSink(
            to.host(), to.port(), version, NetworkSinkOptions.DEFAULT.withStreams(streams(order))),
        Afterwards.MIGRATED,
        options,
        TransferEvent.beginning(Kind.MIGRATE, order.to()),
        version,
        progress);
  }

  TransferEvent snapshot(
      Machine machine, SnapshotOrder order, String version, Consumer<TransferEvent> progress) {
    Afterwards afterwards = order.suspend() ? Afterwards.SUSPENDED : Afterwards.GOES_ON;
    MigrationOptions options = MigrationOptions.DEFAULT;
    if (!order.maxDowntime().isZero()) {
      options = options.withMaxDowntime(order.maxDowntime());
    }
    if (order.suspend()) {
      // It is going to stand still anyway: nothing is gained by waiting for it to calm down.
      options =
          options.withMaxRounds(SUSPEND_ROUNDS).withTimeout(options.timeout(), OnTimeout.STOP);
    }
    return run(
        machine,
        new FileSink(order.file(), afterwards, order.base().orElse(null)),
        afterwards,
        options,
        TransferEvent.beginning(Kind.SNAPSHOT, order.file().toString()),
        version,
        progress);
  }

  private static MigrationOptions options(MigrateOrder order) {
    MigrationOptions options =
        MigrationOptions.DEFAULT
            .withBandwidthBytesPerSecond(order.bandwidthBytesPerSecond())
            .withVerify(order.verify());
    if (!order.maxDowntime().isZero()) {
      options = options.withMaxDowntime(order.maxDowntime());
    }
    options =
        options.withTimeout(
            order.timeout().isZero() ? options.timeout() : order.timeout(),
            switch (order.onTimeout()) {
              case "", "abort" -> OnTimeout.ABORT;
              case "stop" -> OnTimeout.STOP;
              case "throttle" -> OnTimeout.THROTTLE;
              default ->
                  throw new ControlException(
                      ControlException.Code.BAD_REQUEST,
                      "on-timeout '" + order.onTimeout() + "': give abort, stop or throttle");
            });
    if (order.maxThrottlePercent() != 0) {
      if (order.maxThrottlePercent() < 0 || order.maxThrottlePercent() > 99) {
        throw new ControlException(
            ControlException.Code.BAD_REQUEST,
            "max-throttle " + order.maxThrottlePercent() + ": give 1 to 99 percent");
      }
      options = options.withMaxThrottlePercent(order.maxThrottlePercent());
    }
    if (order.deltaCacheBytes() < 0
        || order.deltaCacheBytes() > MigrationOptions.MAX_DELTA_CACHE_BYTES) {
      throw new ControlException(
          ControlException.Code.BAD_REQUEST,
          "delta-cache %s: give at most %d bytes"
              .formatted(
                  Long.toUnsignedString(order.deltaCacheBytes()),
                  MigrationOptions.MAX_DELTA_CACHE_BYTES));
    }
    options = options.withDeltaCacheBytes(order.deltaCacheBytes());
    return options.withCompression(
        switch (order.compression()) {
          case "", "auto" -> Compression.AUTO;
          case "on" -> Compression.ON;
          case "off" -> Compression.OFF;
          default ->
              throw new ControlException(
                  ControlException.Code.BAD_REQUEST,
                  "compression '" + order.compression() + "': give auto, on or off");
        });
  }

  private static int streams(MigrateOrder order) {
    int streams = order.streams() == 0 ? 1 : order.streams();
    if (streams < 1 || streams > StreamOpening.MAX_STREAMS) {
      throw new ControlException(
          ControlException.Code.BAD_REQUEST,
          "streams "
              + Integer.toUnsignedString(streams)
              + ": give 1 to "
              + StreamOpening.MAX_STREAMS);
    }
    return streams;
  }

  private TransferEvent run(
      Machine machine,
      StateSink sink,
      Afterwards afterwards,
      MigrationOptions options,
      TransferEvent beginning,
      String version,
      Consumer<TransferEvent> progress) {
    TransferEvents events = new TransferEvents(beginning);
    LiveMigration migration =
        new LiveMigration(
            machine,
            sink,
            afterwards,
            options,
            moment -> {
              if (!TransferEvents.isOver(moment)) {
                progress.accept(note(events.progress(moment)));
              }
            },
            version);
    enter(migration, beginning);
    TransferEvent end = events.failed("INTERNAL", "this should not happen");
    try {
      MigrationReport report = migration.run();
      end = events.done(report);
      noteSuspended(afterwards);
    } catch (MigrationException e) {
      String why = String.valueOf(e.getMessage());
      end =
          e.code() == MigrationException.Code.CANCELLED
              ? events.cancelled(why)
              : events.failed(e.code().name(), why);
    } finally {
      leave(end);
    }
    return end;
  }

  private synchronized void noteSuspended(Afterwards afterwards) {
    suspended = afterwards == Afterwards.SUSPENDED;
  }

  private synchronized TransferEvent note(TransferEvent event) {
    last = event;
    return event;
  }

  private synchronized void enter(LiveMigration migration, TransferEvent beginning) {
    TransferEvent current = last;
    if (busy) {
      throw new ControlException(
          ControlException.Code.WRONG_STATE,
          String.format(
              Locale.ROOT,
              "a %s to %s is in flight already",
              current == null ? "transfer" : current.kind().text(),
              current == null ? "somewhere" : current.target()));
    }
    busy = true;
    running = migration;
    last = beginning;
  }

  private synchronized void leave(TransferEvent end) {
    last = end;
    running = null;
    busy = false;
    notifyAll();
  }
}
