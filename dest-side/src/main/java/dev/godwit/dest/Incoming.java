package dev.godwit.dest;

import com.google.protobuf.ByteString;
import dev.godwit.cpu.CodeHint;
import dev.godwit.dest.HostEnvironment.Reservation;
import dev.godwit.machine.Machine;
import dev.godwit.machine.Machine.VcpuLock;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.RamDigest;
import dev.godwit.snapshot.Section;
import dev.godwit.stream.StreamCodec;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.StreamOpening;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A machine that is arriving: built, its vCPUs locked until COMMIT.
 *
 * <p>A lock is held by whoever touches the machine: shared by the network threads, for each batch;
 * alone by the thread that restores, the one that starts it, and the one that destroys it, which
 * therefore never unmaps memory that another still writes to.
 */
final class Incoming {
  private static final Logger LOG = LoggerFactory.getLogger(Incoming.class);

  /** The second one takes half of the first one's time, a fourth one no less than the third. */
  private static final int REHEARSALS = 3;

  private static final long MAX_DOWNTIME_NANOS = 366L * 24 * 3600 * 1_000_000_000;

  private final ByteString token;
  private final StreamHeader header;
  private final Machine machine;
  private final Reservation name;
  private final StartMark mark;
  private final LandingMemory landing;
  private final VcpuLock lock;
  private final HintedCode hinted;
  private final ReadWriteLock touching = new ReentrantReadWriteLock();

  /** Held by the thread that restores, inside of {@link #touching}. */
  private final Object restoring = new Object();

  /** The digest of the sections that the machine was restored from; it may be one without any. */
  private ByteString restored = StreamCodec.sha256(List.of());

  private @Nullable StreamMetadata metadata;
  private long restoreNanos;
  private boolean closed;

  private Incoming(
      ByteString token, StreamHeader header, Machine machine, Reservation name, StartMark mark) {
    this.token = token;
    this.header = header;
    this.machine = machine;
    this.name = name;
    this.mark = mark;
    this.landing = new LandingMemory(machine.memory());
    this.lock = machine.lockAllVcpus();
    this.hinted = new HintedCode(machine, this::copyOf);
  }

  /**
   * Builds the machine that a source announces, if this host can have it.
   *
   * @throws RuntimeException that {@link ReceiveException#of} understands; nothing is left then
   */
  static Incoming build(
      ByteString token, StreamHeader header, MachineFactory factory, HostEnvironment host) {
    long ramBytes = header.config().ramBytes();
    long neededBytes = HostEnvironment.neededMemoryBytes(ramBytes);
    long availableBytes = host.availableMemoryBytes();
    if (neededBytes > availableBytes) {
      throw new ReceiveException(
          PeerError.Code.MEMORY,
          "machine %s needs %d MiB of memory here, and %d MiB are available"
              .formatted(header.config().name(), neededBytes >> 20, availableBytes >> 20));
    }
    Reservation name =
        host.reserveName(header.config().name())
            .orElseThrow(
                () ->
                    new ReceiveException(
                        PeerError.Code.NAME_TAKEN,
                        "a machine named " + header.config().name() + " is here already"));
    try {
      Machine machine = buildMachine(header, factory);
      return new Incoming(token, header, machine, name, host.markUnstarted(token.toByteArray()));
    } catch (RuntimeException | Error e) {
      name.close();
      throw e;
    }
  }

  private static Machine buildMachine(StreamHeader header, MachineFactory factory) {
    GuestMemory memory = GuestMemory.allocate(header.config().ramBytes());
    Machine machine;
    try {
      machine = factory.build(header.config(), memory);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
    try {
      header.requireRestorableInto(machine.stateParts());
      machine.startThreads();
      return machine;
    } catch (RuntimeException | Error e) {
      machine.destroy(StopReason.DESTROYED, "it cannot be restored here");
      throw e;
    }
  }

  boolean hasToken(ByteString other) {
    return token.equals(other);
  }

  long landedPages() {
    return landing.landedPages();
  }

  String machineName() {
    return header.config().name();
  }

  int announcedSections() {
    return header.sections().size();
  }

  /** Lets a connection carry a stream of pages, from now on. */
  IncomingStream open(StreamOpening opening) {
    return exclusively(() -> new IncomingStream(this, landing.open(opening), opening));
  }

  /** Lands something; beside others that do, but not beside anything else. */
  <T> T whileReceiving(Supplier<T> action) {
    touching.readLock().lock();
    try {
      requireOpen();
      if (metadata != null) {
        throw new ReceiveException(
            PeerError.Code.PROTOCOL, "pages come after the end of the state");
      }
      return action.get();
    } finally {
      touching.readLock().unlock();
    }
  }

  /** Takes hints about what the machine will execute. */
  void hint(int vcpu, List<CodeHint> code) {
    hinted.add(vcpu, code);
  }

  /** Returns a page of RAM as it is now; only while pages land. */
  private byte[] copyOf(long gfn) {
    byte[] page = new byte[GuestMemory.PAGE_BYTES];
    return whileReceiving(
        () -> {
          machine.memory().copyOut(gfn << GuestMemory.PAGE_SHIFT, MemorySegment.ofArray(page));
          return page;
        });
  }

  private <T> T exclusively(Supplier<T> action) {
    touching.writeLock().lock();
    try {
      return action.get();
    } finally {
      touching.writeLock().unlock();
    }
  }

  /**
   * Restores the machine from all of its sections, while pages may still be landing. Nothing
   * depends on it before {@link #complete} has found that they are those that the source summed up.
   */
  void restore(List<Section> sections) {
    hinted.close();
    whileReceiving(
        () -> {
          synchronized (restoring) {
            long start = System.nanoTime();
            StreamCodec.requireAnnounced(header, sections);
            lock.restore(sections);
            restored = StreamCodec.sha256(sections);
            restoreNanos = System.nanoTime() - start;
          }
          return sections;
        });
  }

  /**
   * Checks that all of the state has come, and that the machine was restored from it; returns the
   * digest of its RAM if asked for.
   */
  long complete(List<Section> sections, StreamMetadata all) {
    return exclusively(() -> check(sections, all));
  }

  /**
   * Saves the machine as it is here, and restores it from that, by the way that its state will
   * come: code that was not executed for a while takes several times as long, and the guest stands
   * meanwhile. Hints that were not used until now come too late.
   */
  void rehearse() {
    hinted.close();
    exclusively(
        () -> {
          requireOpen();
          landing.requireComplete();
          for (int i = 0; i < REHEARSALS; i++) {
            List<Section> sections = StreamCodec.asReceived(lock.save());
            StreamCodec.sha256(sections);
            lock.restore(sections);
          }
          return closed;
        });
  }

  private long check(List<Section> sections, StreamMetadata all) {
    requireOpen();
    long start = System.nanoTime();
    landing.requireComplete();
    StreamCodec.requireAnnounced(header, sections);
    StreamCodec.requireDigest(restored, all);
    long digest = 0;
    if (all.ramDigest() != 0) {
      digest = RamDigest.of(machine.memory());
      if (digest != all.ramDigest()) {
        throw new ReceiveException(
            PeerError.Code.CORRUPT,
            "the RAM here has the digest %016x, at the source %016x: pages were lost or changed"
                .formatted(digest, all.ramDigest()));
      }
    }
    metadata = all;
    restoreNanos += System.nanoTime() - start;
    return digest;
  }

  long restoreNanos() {
    return exclusively(() -> restoreNanos);
  }

  /**
   * Takes away the mark that says that the machine was not started.
   *
   * @throws RuntimeException if that is not certain
   */
  void removeMark() {
    mark.remove();
  }

  /** The machine will never be started: nobody needs to be told so, or this did already. */
  void forgetMark() {
    try {
      mark.remove();
    } catch (RuntimeException e) {
      LOG.debug("the mark of machine {} stays: {}", machineName(), e.getMessage());
    }
    mark.abandon();
  }

  /**
   * The machine runs, or it will never be started; in that case its source may still want to know.
   */
  void abandonMark() {
    mark.abandon();
  }

  /**
   * Lets the machine run; the mark is gone.
   *
   * @param stoppedNanos how long it stood still until {@code arrivedNanos}
   */
  Received start(long stoppedNanos, long arrivedNanos) {
    return exclusively(() -> run(stoppedNanos, arrivedNanos));
  }

  private Received run(long stoppedNanos, long arrivedNanos) {
    requireOpen();
    StreamMetadata known = metadata;
    if (known == null) {
      throw new IllegalStateException("started before it was complete");
    }
    closed = true;
    try {
      long skipped = 0;
      if (known.paused()) {
        machine.startPaused();
      } else {
        machine.start();
        skipped =
            Math.clamp(stoppedNanos, 0, MAX_DOWNTIME_NANOS) + (System.nanoTime() - arrivedNanos);
        lock.skipTime(skipped);
      }
      lock.close();
      return new Received(machine, name, header, known, restoreNanos, skipped);
    } catch (RuntimeException | Error e) {
      machine.destroy(StopReason.FAILED, "it could not be started after its migration");
      name.close();
      throw e;
    }
  }

  /** Destroys the machine, unless it has been started. Waits for whoever touches it. */
  void discard(String why) {
    exclusively(
        () -> {
          if (!closed) {
            closed = true;
            hinted.close();
            lock.destroyMachine(StopReason.DESTROYED, why);
            name.close();
          }
          return closed;
        });
  }

  private void requireOpen() {
    if (closed) {
      throw new ReceiveException(PeerError.Code.PROTOCOL, "the machine has been given up, or runs");
    }
  }
}
