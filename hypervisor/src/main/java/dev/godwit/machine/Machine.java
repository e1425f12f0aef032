package dev.godwit.machine;

import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.CodeHint;
import dev.godwit.cpu.Vcpu;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.memory.GuestMemory;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.Sections;
import dev.godwit.snapshot.StatePart;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ObjIntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A virtual machine: vCPU threads, their lock, and the states
 *
 * <pre>
 *   Created ──start──► Running ◄──resume── Paused
 *      │                  │ ──────pause──────►│
 *      └──────────────────┴──── stop ─────────┴──► Stopped
 * </pre>
 *
 * <p>Threads: every method may be called by any thread, except that a vCPU's thread must not take
 * the lock of all vCPUs or destroy the machine (it would wait for itself).
 */
public final class Machine implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Machine.class);

  private static final long QUIET_POLL_NANOS = 50_000;

  /** How long a vCPU may take to reach an instruction boundary before a lock is given up. */
  private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(10);

  private final MachineConfig config;
  private final MachineParts parts;
  private final List<Thread> threads = new ArrayList<>();
  private final CompletableFuture<MachineState.Stopped> stopped = new CompletableFuture<>();

  private final ReentrantLock mutex = new ReentrantLock();
  private final Condition changed = mutex.newCondition();
  private final VcpuThrottle throttle = new VcpuThrottle(this::hold);
  private MachineState state = new MachineState.Created();
  private boolean locked;
  private boolean held;
  private int inGuest;
  private boolean ending;
  private int leases;
  private boolean closed;

  /** Makes a machine from its parts; it owns them from now on. */
  public Machine(MachineConfig config, MachineParts parts) {
    this.config = config;
    this.parts = parts;
    parts.clock().onFailure(this::timerFailed);
  }

  /** A guest whose timers are dead would hang for ever, and look as if it ran. */
  private void timerFailed(String timer, Throwable failure) {
    LOG.error("timer {} of machine {} failed", timer, config.name(), failure);
    finish(StopReason.FAILED, "its timer " + timer + " failed: " + failure);
  }

  /** Returns what the machine is. */
  public MachineConfig config() {
    return config;
  }

  /** Returns its RAM. */
  public GuestMemory memory() {
    return parts.memory();
  }

  /** Returns its time. */
  public GuestClock clock() {
    return parts.clock();
  }

  /** Returns what every part declares about its state, in restore order within each group. */
  public List<StatePart> stateParts() {
    return parts.stateParts();
  }

  /** Returns where it is in its life. */
  public MachineState state() {
    mutex.lock();
    try {
      return state;
    } finally {
      mutex.unlock();
    }
  }

  /** Completes when the machine has ended, with the reason. */
  public CompletionStage<MachineState.Stopped> stopped() {
    return stopped.minimalCompletionStage();
  }

  /** Starts a created machine: its vCPUs run and its time passes. */
  public void start() {
    start(new MachineState.Running());
  }

  /** Starts a created machine paused: it waits for {@link #resume}. */
  public void startPaused() {
    start(new MachineState.Paused());
  }

  /**
   * Starts the threads of a created machine's vCPUs, which wait for {@link #start}: that is faster
   * then. Without it {@link #start} does so.
   */
  public void startThreads() {
    mutex.lock();
    try {
      require(state instanceof MachineState.Created, "start the threads of");
      if (threads.isEmpty()) {
        for (Vcpu vcpu : parts.vcpus()) {
          threads.add(
              Thread.ofPlatform().daemon().name("vcpu-" + vcpu.index()).start(() -> runVcpu(vcpu)));
        }
      }
    } finally {
      mutex.unlock();
    }
  }

  private void start(MachineState first) {
    mutex.lock();
    try {
      require(state instanceof MachineState.Created, "start");
      startThreads();
      become(first);
    } finally {
      mutex.unlock();
    }
  }

  /**
   * Pauses a running machine; returns when every vCPU stands still. A paused machine stays paused.
   */
  public void pause() {
    try (VcpuLock lock = lockAllVcpus()) {
      mutex.lock();
      try {
        if (!(state instanceof MachineState.Paused)) {
          require(state instanceof MachineState.Running, "pause");
          become(new MachineState.Paused());
        }
      } finally {
        mutex.unlock();
      }
    }
  }

  /** Resumes a paused machine. A running machine stays running. */
  public void resume() {
    mutex.lock();
    try {
      if (!(state instanceof MachineState.Running)) {
        require(state instanceof MachineState.Paused, "resume");
        become(new MachineState.Running());
      }
    } finally {
      mutex.unlock();
    }
  }

  /**
   * Waits for a moment in which the guest would notice least if it were stopped: all vCPUs are idle
   * and no timer is due for a while. The longer this waits, the shorter a while will do; a guest
   * that is never idle, or does not run, makes no difference.
   *
   * @param wantedNanos for how long nothing should be due, at best
   * @param patienceNanos after so long it returns in any case; an interrupt makes it return, too
   */
  public void awaitQuiet(long wantedNanos, long patienceNanos) {
    long start = System.nanoTime();
    long leftNanos = patienceNanos;
    while (leftNanos > 0
        && state() instanceof MachineState.Running
        && !isQuiet((long) (wantedNanos * ((double) leftNanos / patienceNanos)))
        && !Thread.currentThread().isInterrupted()) {
      LockSupport.parkNanos(QUIET_POLL_NANOS);
      leftNanos = patienceNanos - (System.nanoTime() - start);
    }
  }

  private boolean isQuiet(long nanos) {
    return parts.vcpus().stream().allMatch(Vcpu::isIdle)
        && parts.clock().untilNextTimerNanos() >= nanos;
  }

  /**
   * Stops every vCPU at an instruction boundary, its state architectural, freezes time and quiesces
   * devices. The only way to a snapshot; its length is the downtime. Waits for an earlier lock to
   * be closed.
   *
   * @throws MachineException {@code LOCK_TIMEOUT} if something does not stand still (the machine
   *     goes on), {@code WRONG_STATE} if the machine has ended
   */
  public VcpuLock lockAllVcpus() {
    long deadline = System.nanoTime() + LOCK_TIMEOUT.toNanos();
    mutex.lock();
    try {
      while (locked && !isStopped()) {
        await(deadline, "another holder keeps the vCPUs locked");
      }
      require(!isStopped(), "lock the vCPUs of");
      locked = true;
      try {
        parts.vcpus().forEach(Vcpu::requestExit);
        while (inGuest > 0) {
          await(deadline, "a vCPU did not reach an instruction boundary");
        }
      } catch (MachineException e) {
        locked = false;
        changed.signalAll();
        throw e;
      }
    } finally {
      mutex.unlock();
    }
    parts.clock().freeze();
    parts.quiescables().forEach(Quiescable::quiesce);
    return new VcpuLock();
  }

  private void await(long deadline, String what) {
    try {
      if (changed.awaitNanos(deadline - System.nanoTime()) <= 0) {
        throw new MachineException(
            MachineException.Code.LOCK_TIMEOUT,
            what + " for " + LOCK_TIMEOUT.toSeconds() + " s; the machine goes on");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MachineException(
          MachineException.Code.LOCK_TIMEOUT, "interrupted while locking the vCPUs");
    }
  }

  /**
   * Slows the guest down: its vCPUs stand for a part of the time, in slices too short to be noticed
   * as pauses, while time and devices go on. Holds until it is changed; a machine that has ended is
   * not disturbed.
   *
   * @param percent the share in which they stand, 0 (the default) to 99
   */
  public void throttleVcpus(int percent) {
    throttle.set(percent);
  }

  /**
   * Asks each vCPU for the code that it executed since this was last asked.
   *
   * @param most how many places of a vCPU are of interest
   * @param answer called at most once for each vCPU, with its index, on its thread, soon: it must
   *     not block; not at all for a vCPU that does not run
   */
  public void askForRecentCode(int most, ObjIntConsumer<List<CodeHint>> answer) {
    for (Vcpu vcpu : parts.vcpus()) {
      vcpu.askForRecentCode(most, code -> answer.accept(code, vcpu.index()));
    }
  }

  /**
   * Lets a vCPU decode code before the machine is started; see {@link Vcpu#decodeAhead}. One thread
   * at a time.
   *
   * @param vcpu its index; one that there is not is ignored
   * @param gfn a page of RAM
   * @param page a copy of it, which is kept
   */
  public void decodeAhead(int vcpu, long gfn, byte[] page, List<CodeHint> hints) {
    if (vcpu >= 0 && vcpu < parts.vcpus().size()) {
      parts.vcpus().get(vcpu).decodeAhead(gfn, page, hints);
    }
  }

  private void hold(boolean stand) {
    mutex.lock();
    try {
      held = stand;
      if (stand && !ending) {
        parts.vcpus().forEach(Vcpu::requestExit);
      } else {
        changed.signalAll();
      }
    } finally {
      mutex.unlock();
    }
  }

  /** All vCPUs stand still while this is open. Confined to one thread at a time. */
  public final class VcpuLock implements AutoCloseable {
    private long skippedNanos;
    private boolean open = true;

    private VcpuLock() {}

    /** Saves every part that has state, in stream order. */
    public List<Section> save() {
      requireOpen();
      return Sections.save(parts.stateParts());
    }

    /** Restores every part from its section; see {@link Sections#restore}. */
    public void restore(List<Section> sections) {
      requireOpen();
      Sections.restore(parts.stateParts(), sections);
    }

    /**
     * Lets that much guest time pass, ≥ 0, at the moment the lock is closed: a live migration's
     * downtime.
     */
    public void skipTime(long nanos) {
      requireOpen();
      if (nanos < 0) {
        throw new IllegalArgumentException("nanos: " + nanos);
      }
      skippedNanos = nanos;
    }

    private void requireOpen() {
      if (!open) {
        throw new IllegalStateException("the lock is closed");
      }
    }

    /**
     * Ends the machine without letting it go on first: it was handed over or suspended. Closes this
     * lock. It never runs again; what it holds is freed by {@link #destroy}.
     *
     * @param reason why
     * @param detail a sentence for the user
     */
    public void endMachine(StopReason reason, String detail) {
      requireOpen();
      finish(reason, detail);
      close();
    }

    /** As {@link #endMachine}, and frees everything. */
    public void destroyMachine(StopReason reason, String detail) {
      endMachine(reason, detail);
      destroy(reason, detail);
    }

    /** Lets the machine go on, if it is in a state in which it runs. Closing twice does nothing. */
    @Override
    public void close() {
      if (!open) {
        return;
      }
      open = false;
      parts.quiescables().forEach(Quiescable::unquiesce);
      mutex.lock();
      try {
        locked = false;
        if (state instanceof MachineState.Running) {
          parts.clock().thaw(skippedNanos);
        } else {
          parts.clock().restore(parts.clock().nowNanos() + skippedNanos);
        }
        changed.signalAll();
      } finally {
        mutex.unlock();
      }
    }
  }

  /**
   * Keeps the machine's memory mapped while this is open, for a thread that is no vCPU and reads or
   * writes RAM.
   */
  public interface Lease extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Takes a lease: {@link #destroy} waits for it, so its holder should watch {@link #stopped} and
   * let go soon after.
   *
   * @throws MachineException {@code WRONG_STATE} if the machine has ended
   */
  public Lease lease() {
    mutex.lock();
    try {
      require(!isStopped(), "read the memory of");
      leases++;
    } finally {
      mutex.unlock();
    }
    AtomicBoolean open = new AtomicBoolean(true);
    return () -> {
      if (open.getAndSet(false)) {
        mutex.lock();
        try {
          leases--;
          changed.signalAll();
        } finally {
          mutex.unlock();
        }
      }
    };
  }

  /**
   * Ends the machine: returns when no vCPU runs any more and everything is freed. Waits for an open
   * lock and for leases to be closed; to end a machine while holding its lock, use {@link
   * VcpuLock#destroyMachine}.
   *
   * @param reason why
   * @param detail a sentence for the user
   */
  public void destroy(StopReason reason, String detail) {
    finish(reason, detail);
    free(false);
  }

  /**
   * Frees a machine that has ended, without haste: what else this host does, such as running the
   * machine in its new place, hardly notices.
   *
   * @throws MachineException {@code WRONG_STATE} if it has not ended
   */
  public void freeSlowly() {
    mutex.lock();
    try {
      require(isStopped(), "free");
    } finally {
      mutex.unlock();
    }
    free(true);
  }

  private void free(boolean slowly) {
    for (Thread thread : threads) {
      joinUninterruptibly(thread);
    }
    mutex.lock();
    try {
      while (locked || leases > 0) {
        changed.awaitUninterruptibly();
      }
      if (closed) {
        return;
      }
      closed = true;
    } finally {
      mutex.unlock();
    }
    throttle.set(0);
    parts.clock().freeze();
    parts.clock().close();
    if (slowly) {
      parts.memory().giveBackSlowly();
    }
    List<AutoCloseable> closing = new ArrayList<>(parts.vcpus());
    closing.addAll(parts.closeables());
    closing.add(parts.memory());
    for (AutoCloseable part : closing) {
      try {
        part.close();
      } catch (Exception e) {
        LOG.warn("closing {} of machine {}", part, config.name(), e);
      }
    }
  }

  private static void joinUninterruptibly(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** As {@link #destroy} by the user. */
  @Override
  public void close() {
    destroy(StopReason.DESTROYED, "stopped by its user");
  }

  /**
   * Called by the platform, on a vCPU's thread, when the guest powers off or resets: the vCPUs stop
   * soon after.
   */
  public void guestEnded(StopReason reason, String detail) {
    finish(reason, detail);
  }

  private void finish(StopReason reason, String detail) {
    MachineState.Stopped end = new MachineState.Stopped(reason, detail);
    mutex.lock();
    try {
      if (isStopped()) {
        return;
      }
      ending = true;
      become(end);
      parts.vcpus().forEach(Vcpu::requestExit);
    } finally {
      mutex.unlock();
    }
    stopped.complete(end);
  }

  private boolean isStopped() {
    return state instanceof MachineState.Stopped;
  }

  /** The one place where the state changes. Holds the mutex. */
  private void become(MachineState next) {
    LOG.info("machine {}: {} -> {}", config.name(), state, next);
    state = next;
    if (next instanceof MachineState.Running && !locked) {
      parts.clock().thaw(0);
    }
    changed.signalAll();
  }

  private void require(boolean holds, String action) {
    if (!holds) {
      throw new MachineException(
          MachineException.Code.WRONG_STATE,
          "cannot " + action + " machine " + config.name() + ": it is " + state);
    }
  }

  private void runVcpu(Vcpu vcpu) {
    try {
      while (enterGuest()) {
        Vcpu.Exit exit;
        try {
          exit = vcpu.run();
        } finally {
          leaveGuest();
        }
        if (exit == Vcpu.Exit.SHUTDOWN) {
          finish(StopReason.TRIPLE_FAULT, "vCPU " + vcpu.index() + " met a triple fault");
        }
      }
    } catch (RuntimeException | Error e) {
      LOG.error("vCPU {} of machine {} failed", vcpu.index(), config.name(), e);
      finish(StopReason.FAILED, "vCPU " + vcpu.index() + " failed: " + e);
    }
  }

  /** Waits until the vCPU may run; false when the machine has ended. */
  private boolean enterGuest() {
    mutex.lock();
    try {
      while (!ending && (locked || held || !(state instanceof MachineState.Running))) {
        changed.awaitUninterruptibly();
      }
      if (!ending) {
        inGuest++;
      }
      return !ending;
    } finally {
      mutex.unlock();
    }
  }

  private void leaveGuest() {
    mutex.lock();
    try {
      inGuest--;
      changed.signalAll();
    } finally {
      mutex.unlock();
    }
  }
}
