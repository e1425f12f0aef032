package dev.godwit.source;

import dev.godwit.machine.Machine;
import dev.godwit.machine.Machine.VcpuLock;
import dev.godwit.machine.MachineException;
import dev.godwit.machine.MachineState;
import dev.godwit.memory.RamDigest;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.source.ConvergencePolicy.Decision;
import dev.godwit.source.MigrationProgress.Phase;
import dev.godwit.stream.StreamCodec;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The script of a migration, and of a snapshot, which is the same stream with files as its sink:
 *
 * <pre>
 *   preflight        the sink says whether it can take the machine, before anything is sent
 *   pre-copy         all pages, then again and again those that the guest dirtied meanwhile
 *   stop and copy    all vCPUs locked: the rest of the pages, devices, kernel sections, metadata
 *   handover         {@link SourceState}: the machine ends here, or goes on here; never both, never neither
 * </pre>
 *
 * <p>Whatever fails before the handover, the lock is closed and the machine goes on as if nothing
 * had happened; pages that were harvested are dirty again. {@link #run} is called once; the other
 * methods by any thread.
 */
public final class LiveMigration {
  private static final Logger LOG = LoggerFactory.getLogger(LiveMigration.class);
  private static final long ASK_AGAIN_MILLIS = 500;

  private final Machine machine;
  private final StateSink sink;
  private final Afterwards afterwards;
  private final MigrationOptions options;
  private final String producer;
  private final ConvergencePolicy policy;
  private final ProgressMeter meter;
  private final PreCopy preCopy;
  private final CodeTeller codeTeller;

  /** Whether the sink knows that the machine is about to be stopped. */
  private boolean announced;

  private SourceState state = new SourceState.Copying();
  private @Nullable Thread runner;
  private @Nullable MigrationException cancelled;

  /**
   * @param machine what is moved; not ended by this before the sink has it
   * @param sink where its state goes; closed at the end of {@link #run}
   * @param afterwards what becomes of the machine here
   * @param options what the user decided
   * @param listener told how far it is
   * @param producer this program, for the header
   */
  public LiveMigration(
      Machine machine,
      StateSink sink,
      Afterwards afterwards,
      MigrationOptions options,
      MigrationListener listener,
      String producer) {
    this.machine = machine;
    this.sink = sink;
    this.afterwards = afterwards;
    this.options = options;
    this.producer = producer;
    this.policy = new ConvergencePolicy(options);
    this.meter = new ProgressMeter(machine.memory().dirty(), listener);
    this.preCopy = new PreCopy(machine.memory(), sink, options, meter, () -> cancelled() != null);
    this.codeTeller = new CodeTeller(machine, sink);
  }

  /**
   * Moves the machine. Blocks until it is certain where it is: for as long as it takes, if the
   * answer to COMMIT is lost.
   *
   * @return what it was; the machine has ended here, unless it was to go on. Its owner closes it:
   *     to free its RAM takes CPU time that the machine needs where it runs now.
   * @throws MigrationException if it failed; the machine goes on here
   */
  public MigrationReport run() {
    Machine.Lease lease = enter();
    try {
      sink.begin(StreamHeader.of(machine, producer));
      codeTeller.start();
      meter.phase(Phase.PRECOPY);
      preCopy.firstRound();
      while (true) {
        ConvergencePolicy.Measured measured = preCopy.measured();
        switch (policy.decide(measured)) {
          case Decision.AnotherRound(int percent) -> {
            throttle(percent);
            preCopy.round();
          }
          case Decision.GiveUp(String why) ->
              throw new MigrationException(MigrationException.Code.NOT_CONVERGING, why);
          case Decision.Stop(boolean whateverItTakes) -> {
            codeTeller.close();
            if (!whateverItTakes && policy.anotherRoundPays(measured)) {
              preCopy.round();
              continue;
            }
            if (!announced) {
              announced = true;
              sink.stopFollows();
              practise();
            }
            // What is expected is on the safe side: most pauses take half of it.
            machine.awaitQuiet(measured.expectedNanos() / 2, policy.quietPatienceNanos(measured));
            meter.stopping(machine.clock().nowNanos());
            try (VcpuLock lock = machine.lockAllVcpus()) {
              meter.stopped(machine.clock().nowNanos());
              preCopy.harvest();
              // The guest may have dirtied more since it was measured: then it goes on, having
              // paused for a moment.
              if (whateverItTakes || policy.decide(preCopy.measured()) instanceof Decision.Stop) {
                return stopAndCopy(lock);
              }
            }
            meter.phase(Phase.PRECOPY);
          }
        }
      }
    } catch (RuntimeException e) {
      throw keep(e);
    } finally {
      codeTeller.close();
      throttle(0);
      lease.close();
      sink.close();
      preCopy.close();
      meter.awaitTold();
    }
  }

  /**
   * Saves the machine without any use for it: what the pause needs has run a moment before then,
   * here as at the sink. The guest stands for a millisecond or two meanwhile.
   */
  private void practise() {
    List<Section> sections;
    try (VcpuLock lock = machine.lockAllVcpus()) {
      lock.save();
      sections = lock.save();
    }
    StreamCodec.sha256(StreamCodec.asReceived(sections));
  }

  private void throttle(int percent) {
    if (percent != meter.throttlePercent()) {
      LOG.info(
          "migration of machine {}: its vCPUs stand {} % of the time",
          machine.config().name(), percent);
      machine.throttleVcpus(percent);
      meter.throttled(percent);
    }
  }

  private MigrationReport stopAndCopy(VcpuLock lock) {
    boolean paused = machine.state() instanceof MachineState.Paused;
    long takenAtMillis = System.currentTimeMillis();
    List<Section> sections = preCopy.lastRound(lock::save);
    long digest = options.verify() ? RamDigest.of(machine.memory()) : 0;
    meter.pagesSent();
    sink.prepare(
        sections,
        new StreamMetadata(
            machine.config().name(),
            takenAtMillis,
            machine.clock().nowNanos(),
            StreamCodec.sha256(sections),
            digest,
            meter.pages(),
            meter.zeroPages(),
            paused));
    become(new SourceState.Event.Complete());
    meter.prepared();
    if (afterwards.stopReason() == null) {
      lock.close();
      meter.wentOn();
    }
    commit(() -> paused ? 0 : meter.frozenNanos());
    MachineState.StopReason reason = afterwards.stopReason();
    if (reason != null) {
      meter.wentOn();
      lock.endMachine(
          reason,
          reason == MachineState.StopReason.MIGRATED
              ? "it runs elsewhere now"
              : "it was suspended");
    }
    sink.release();
    meter.phase(Phase.DONE);
    return meter.report(machine.config().name(), digest);
  }

  /**
   * Returns when the sink has the machine for good; throws when this side has. Nothing else ends
   * it: see SourceState.
   */
  private void commit(LongSupplier stoppedNanos) {
    become(new SourceState.Event.CommitDecided());
    while (true) {
      switch (state()) {
        case SourceState.Committing committing -> {
          meter.phase(Phase.COMMITTING);
          if (committing.attempt() > 1) {
            sleep();
          }
          HandoverAnswer answer = answer(() -> sink.commit(stoppedNanos));
          if (answer instanceof HandoverAnswer.Taken(long stopped)) {
            meter.taken(stopped);
          }
          become(new SourceState.Event.Answered(answer));
        }
        case SourceState.Asking asking -> {
          meter.waiting(asking.why());
          sleep();
          become(new SourceState.Event.Answered(answer(sink::query)));
        }
        case SourceState.GivenAway given -> {
          return;
        }
        case SourceState.Kept kept -> throw new MigrationException(kept.code(), kept.why());
        case SourceState.Copying copying ->
            throw new IllegalStateException("commit before the sink is complete");
        case SourceState.Prepared prepared ->
            throw new IllegalStateException("commit was not decided");
      }
    }
  }

  /**
   * Whatever a sink throws after COMMIT, be it our bug: nobody knows then, and the machine must
   * stand.
   */
  private static HandoverAnswer answer(Supplier<HandoverAnswer> question) {
    try {
      return question.get();
    } catch (Throwable e) {
      LOG.error("asking the sink failed", e);
      return new HandoverAnswer.Unknown("asking failed here: " + e);
    }
  }

  private synchronized void sleep() {
    try {
      wait(ASK_AGAIN_MILLIS);
    } catch (InterruptedException e) {
      // Too late to be cancelled: it asks on, as long as it takes.
    }
  }

  private Machine.Lease enter() {
    synchronized (this) {
      if (runner != null) {
        throw new IllegalStateException("it ran already");
      }
      runner = Thread.currentThread();
    }
    meter.start();
    Machine.Lease lease;
    try {
      lease = machine.lease();
    } catch (MachineException e) {
      sink.close();
      throw keep(e);
    }
    machine
        .stopped()
        .thenAccept(
            end ->
                cancel(
                    new MigrationException(
                        MigrationException.Code.MACHINE,
                        "the machine ended meanwhile: " + end.detail())));
    return lease;
  }

  /** The machine stays: what was harvested is dirty again, and the sink forgets what it has. */
  private MigrationException keep(RuntimeException failure) {
    MigrationException why = explain(failure);
    become(new SourceState.Event.Failed(why.code(), String.valueOf(why.getMessage())));
    synchronized (this) {
      // From here on nobody interrupts; a cancel that came late must not disturb what is still to
      // be said to the sink.
      runner = null;
      Thread.interrupted();
    }
    preCopy.mergeBack();
    sink.abort(why);
    meter.failed(why);
    return why;
  }

  private MigrationException explain(RuntimeException failure) {
    MigrationException reason = cancelled();
    if (reason != null) {
      return reason;
    }
    return switch (failure) {
      case MigrationException e -> e;
      case MachineException e ->
          new MigrationException(
              MigrationException.Code.MACHINE, String.valueOf(e.getMessage()), e);
      case SnapshotException e ->
          new MigrationException(
              MigrationException.Code.MACHINE, String.valueOf(e.getMessage()), e);
      default -> {
        LOG.error("migration of machine {} failed", machine.config().name(), failure);
        yield new MigrationException(
            MigrationException.Code.INTERNAL, "this should not happen: " + failure, failure);
      }
    };
  }

  /** The one place where the state changes; says who owns the machine from here on. */
  private synchronized void become(SourceState.Event event) {
    if (event instanceof SourceState.Event.CommitDecided && cancelled != null) {
      throw cancelled;
    }
    SourceState next = SourceState.next(state, event);
    if (!next.equals(state)) {
      LOG.info(
          "migration of machine {}: {} -> {}, for {}", machine.config().name(), state, next, event);
      state = next;
      notifyAll();
    }
  }

  /** Returns who owns the machine, as far as this side knows. */
  public synchronized SourceState state() {
    return state;
  }

  private synchronized @Nullable MigrationException cancelled() {
    return cancelled;
  }

  /**
   * Cancels: the machine goes on here.
   *
   * @return whether it was in time; after COMMIT, or when all is over, it is too late
   */
  public boolean cancel() {
    return cancel(
        new MigrationException(MigrationException.Code.CANCELLED, "cancelled by the user"));
  }

  private synchronized boolean cancel(MigrationException why) {
    boolean inTime = state instanceof SourceState.Copying || state instanceof SourceState.Prepared;
    if (inTime && cancelled == null) {
      cancelled = why;
      if (runner != null) {
        runner.interrupt();
      }
    }
    return inTime;
  }

  /**
   * While the answer to COMMIT is unknown: takes the machine back. Only for a person who knows that
   * it does not run at the destination and never will, or there are two.
   *
   * @return whether that was the situation
   */
  public boolean forceResume() {
    return force(new SourceState.Event.ForceResume());
  }

  /**
   * While the answer to COMMIT is unknown: gives the machine up. Only for a person who knows that
   * it runs at the destination, or there is none.
   *
   * @return whether that was the situation
   */
  public boolean forceStop() {
    return force(new SourceState.Event.ForceStop());
  }

  private synchronized boolean force(SourceState.Event event) {
    boolean asking = state instanceof SourceState.Asking;
    if (asking) {
      become(event);
    }
    return asking;
  }

  /** Returns how far it is. */
  public MigrationProgress progress() {
    return meter.progress();
  }
}
