package dev.godwit.cli.host;

import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Phase;
import dev.godwit.source.Downtime;
import dev.godwit.source.MigrationProgress;
import dev.godwit.source.MigrationReport;
import dev.godwit.wire.PageBatch;

/** One transfer's moments, as the control API tells them. */
final class TransferEvents {
  private static final double NANOS_PER_MILLI = 1e6;
  private static final long NANOS_PER_MICRO = 1000;

  private final TransferEvent beginning;
  private volatile TransferEvent latest;

  TransferEvents(TransferEvent beginning) {
    this.beginning = beginning;
    this.latest = beginning;
  }

  /** Says whether a moment is one of the ends, which have more to tell. */
  static boolean isOver(MigrationProgress moment) {
    return moment.phase() == MigrationProgress.Phase.DONE
        || moment.phase() == MigrationProgress.Phase.FAILED;
  }

  TransferEvent progress(MigrationProgress moment) {
    latest =
        new TransferEvent(
            beginning.kind(),
            beginning.target(),
            switch (moment.phase()) {
              case IDLE -> Phase.CONNECTING;
              case PREFLIGHT -> Phase.PREFLIGHT;
              case PRECOPY -> Phase.PRECOPY;
              case STOPPED -> Phase.STOP_AND_COPY;
              case COMMITTING -> Phase.COMMIT;
              case WAITING_FOR_ANSWER -> Phase.WAITING;
              case DONE -> Phase.DONE;
              case FAILED -> Phase.FAILED;
            },
            moment.round(),
            moment.pages(),
            moment.zeroPages(),
            moment.wireBytes(),
            moment.remainingPages(),
            moment.bytesPerSecond(),
            moment.dirtyPagesPerSecond(),
            moment.throttlePercent(),
            moment.expectedDowntimeNanos() / NANOS_PER_MILLI,
            moment.elapsedNanos() / NANOS_PER_MILLI,
            null,
            "",
            moment.detail(),
            0,
            saved(moment.deltaPages(), moment.deltaSavedBytes(), moment.heldPages()));
    return latest;
  }

  TransferEvent done(MigrationReport report) {
    Downtime downtime = report.downtime();
    double seconds = report.totalNanos() / 1e9;
    return new TransferEvent(
        beginning.kind(),
        beginning.target(),
        Phase.DONE,
        Math.max(0, report.rounds().size() - 1),
        report.pages(),
        report.zeroPages(),
        report.wireBytes(),
        0,
        seconds > 0 ? report.wireBytes() / seconds : 0,
        latest.dirtyPagesPerSecond(),
        latest.throttlePercent(),
        downtime.expectedNanos() / NANOS_PER_MILLI,
        report.totalNanos() / NANOS_PER_MILLI,
        new TransferEvent.Downtime(
            downtime.totalNanos() / NANOS_PER_MICRO,
            downtime.lockNanos() / NANOS_PER_MICRO,
            downtime.pagesNanos() / NANOS_PER_MICRO,
            downtime.devicesNanos() / NANOS_PER_MICRO,
            downtime.commitNanos() / NANOS_PER_MICRO),
        "",
        "",
        report.ramDigest(),
        saved(report.deltaPages(), report.deltaSavedBytes(), report.heldPages()));
  }

  private static TransferEvent.Saved saved(long deltaPages, long deltaBytes, long heldPages) {
    return new TransferEvent.Saved(
        deltaPages, deltaBytes, heldPages, heldPages * PageBatch.PAGE_BYTES);
  }

  TransferEvent failed(String code, String why) {
    return latest.ended(Phase.FAILED, code, why);
  }

  TransferEvent cancelled(String why) {
    return latest.ended(Phase.CANCELLED, "CANCELLED", why);
  }
}
