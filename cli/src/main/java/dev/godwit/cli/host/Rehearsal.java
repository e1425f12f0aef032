package dev.godwit.cli.host;

import dev.godwit.backend.Console;
import dev.godwit.cpu.soft.CodeCorpus;
import dev.godwit.dest.HostEnvironment;
import dev.godwit.dest.ReceiveException;
import dev.godwit.dest.Receiver;
import dev.godwit.dest.ReceiverOptions;
import dev.godwit.machine.Machine;
import dev.godwit.machine.Machine.VcpuLock;
import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationListener;
import dev.godwit.source.MigrationOptions;
import dev.godwit.source.NetworkSink;
import dev.godwit.source.NetworkSinkOptions;
import dev.godwit.stream.StreamCodec;
import dev.godwit.wire.PeerError;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves a small machine from this process to itself, again and again, so that what a migration
 * needs is loaded and compiled before the first real one: otherwise the JVM would do that while a
 * guest stands still, or runs slowly just after.
 *
 * <p>It has nothing to do with any other machine of the process, listens at the loopback interface
 * only, and takes no machine but its own. One thread.
 */
public final class Rehearsal {
  /**
   * What the small machines of this process are called. Nobody else knows it: whoever else reaches
   * the port brings a machine of another name. What is logged of them is of no interest.
   */
  public static final String NAME = "rehearsal-" + UUID.randomUUID();

  /** After so many, more of them gained nothing. */
  public static final int TIMES = 20;

  private static final Logger LOG = LoggerFactory.getLogger(Rehearsal.class);
  private static final long RAM_BYTES = 32L << 20;

  /** From here to there RAM has contents other than zero, and the guest makes it dirty. */
  private static final long FILLED_FROM_GPA = 8L << 20;

  private static final long FILLED_TO_GPA = 16L << 20;
  private static final long GUEST_GPA = 0x10_0000;

  /** For so long the guest runs, before each move and after it. */
  private static final Duration GUEST_RUNS = Duration.ofMillis(30);

  /** For each move, questions on connections of their own, and states saved and restored. */
  private static final int QUESTIONS = 10;

  private static final int SAVES = 60;

  /**
   * Between one sign of life and the next: COMMIT takes the same path, and a path that is taken
   * once a migration is compiled only if it was rehearsed a thousand times.
   */
  private static final Duration HEARTBEAT = Duration.ofNanos(500_000);

  /** A process has other things to do at first, and few machines move so soon. */
  private static final Duration LATER = Duration.ofSeconds(15);

  /**
   * For so long pages are sent again, a quarter of RAM in each round, since the guest makes it
   * dirty: the path that pages take needs thousands of batches until it is compiled.
   */
  private static final Duration PAGES_GO = Duration.ofMillis(100);

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** Where hints say that the code is which is only decoded: anywhere in RAM. */
  private static final long CORPUS_GFN = 0x300;

  private final MachineAssembler assembler;
  private final String engine;
  private final String version;

  /**
   * @param assembler makes the small machines
   * @param engine what executes their code
   * @param version this program's
   */
  public Rehearsal(MachineAssembler assembler, String engine, String version) {
    this.assembler = assembler;
    this.engine = engine;
    this.version = version;
  }

  /**
   * Rehearses some time after the process has got its machine.
   *
   * @param host the machine's; what it does in earnest ends the rehearsal
   */
  public void later(MachineHost host) {
    inBackground(LATER, host::isTransferring);
  }

  /**
   * Rehearses as long as nobody has anything else to do.
   *
   * @param waiting whether that is so
   */
  public void whileIdle(BooleanSupplier waiting) {
    inBackground(Duration.ZERO, () -> !waiting.getAsBoolean());
  }

  private void inBackground(Duration after, BooleanSupplier enough) {
    Thread.ofPlatform()
        .daemon()
        .name("rehearsal")
        .start(
            () -> {
              try {
                Thread.sleep(after);
                run(TIMES, enough);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  /**
   * Moves the machine so many times, or until it is told to stop. Never throws for what goes wrong:
   * without a rehearsal the process is as good, only slower.
   *
   * @param enough asked before each time
   * @return how often it was moved
   */
  public int run(int times, BooleanSupplier enough) throws InterruptedException {
    long start = System.nanoTime();
    int done = 0;
    try {
      List<CodeCorpus.Page> corpus = CodeCorpus.pages(CORPUS_GFN);
      while (done < times && !enough.getAsBoolean()) {
        move(enough);
        decodeSaveAndRestore(corpus, enough);
        done++;
      }
    } catch (RuntimeException | ExecutionException | TimeoutException e) {
      LOG.info("the rehearsal failed, which does no harm", e);
    }
    LOG.info("rehearsed {} migrations in {} ms", done, (System.nanoTime() - start) / 1_000_000);
    return done;
  }

  private void move(BooleanSupplier enough)
      throws InterruptedException, ExecutionException, TimeoutException {
    AssembledMachine source = smallMachine(assembler, NAME, engine);
    InetSocketAddress loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    try (Receiver receiver =
            Receiver.start(ReceiverOptions.at(loopback, version), this::build, NO_LIMITS);
        NetworkSink asking = sinkTo(receiver)) {
      Thread.sleep(GUEST_RUNS);
      for (int i = 0; i < QUESTIONS && !enough.getAsBoolean(); i++) {
        asking.query();
      }
      new LiveMigration(
              source.machine(),
              sinkTo(receiver),
              Afterwards.MIGRATED,
              MigrationOptions.DEFAULT
                  .withMaxDowntime(Duration.ZERO)
                  .withTimeout(PAGES_GO, MigrationOptions.OnTimeout.STOP),
              MigrationListener.NONE,
              version)
          .run();
      Machine arrived =
          receiver
              .outcome()
              .toCompletableFuture()
              .get(PATIENCE.toSeconds(), TimeUnit.SECONDS)
              .machine();
      Thread.sleep(GUEST_RUNS);
      arrived.close();
    } finally {
      source.machine().close();
    }
  }

  private NetworkSink sinkTo(Receiver receiver) {
    return new NetworkSink(
        InetAddress.getLoopbackAddress().getHostAddress(),
        receiver.port(),
        version,
        NetworkSinkOptions.DEFAULT.withHeartbeat(HEARTBEAT));
  }

  /**
   * Lets a machine decode all kinds of code, as that of one that arrives is: what the small
   * machine's guest consists of is not enough. A device's state is saved and restored once a
   * migration: too seldom to be compiled.
   */
  private void decodeSaveAndRestore(List<CodeCorpus.Page> corpus, BooleanSupplier enough) {
    Machine machine = created(assembler, NAME, engine, GuestMemory.allocate(RAM_BYTES)).machine();
    for (CodeCorpus.Page page : corpus) {
      if (!enough.getAsBoolean()) {
        machine.decodeAhead(0, page.gfn(), page.content(), page.code());
      }
    }
    machine.startPaused();
    try (VcpuLock lock = machine.lockAllVcpus()) {
      for (int i = 0; i < SAVES && !enough.getAsBoolean(); i++) {
        lock.restore(StreamCodec.asReceived(lock.save()));
      }
    } finally {
      machine.close();
    }
  }

  private Machine build(MachineConfig config, GuestMemory memory) {
    if (!config.name().equals(NAME)) {
      throw new ReceiveException(
          PeerError.Code.BUSY, "nobody waits for a machine here: this is a rehearsal");
    }
    AssembledMachine arriving = assembler.assemble(config, memory, engine, Optional.empty());
    arriving.console().attach(NOBODY);
    return arriving.machine();
  }

  /** Has what comes from the console brought to it, as a user has. */
  private static final Console.Listener NOBODY =
      new Console.Listener() {
        @Override
        public void output(byte[] bytes, long droppedBytes) {}

        @Override
        public void closed() {}
      };

  private static final HostEnvironment NO_LIMITS =
      new HostEnvironment() {
        @Override
        public Optional<Reservation> reserveName(String name) {
          return Optional.of(() -> {});
        }

        @Override
        public long availableMemoryBytes() {
          return Long.MAX_VALUE;
        }
      };

  /**
   * Makes a small machine that runs {@code rehearsal.S}, with pages of all kinds: zero,
   * compressible, random.
   *
   * @param engine what executes its code
   */
  public static AssembledMachine smallMachine(
      MachineAssembler assembler, String name, String engine) {
    GuestMemory memory = GuestMemory.allocate(RAM_BYTES);
    memory.copyIn(GUEST_GPA, guest());
    Random random = new Random(1);
    byte[] page = new byte[GuestMemory.PAGE_BYTES];
    for (long gpa = FILLED_FROM_GPA; gpa < FILLED_TO_GPA; gpa += page.length) {
      random.nextBytes(page);
      Arrays.fill(page, (int) (gpa / page.length % page.length), page.length, (byte) 1);
      memory.copyIn(gpa, page);
    }
    AssembledMachine machine = created(assembler, name, engine, memory);
    machine.console().attach(NOBODY);
    machine.entry().accept(GUEST_GPA);
    machine.machine().start();
    return machine;
  }

  private static byte[] guest() {
    try (InputStream image = Rehearsal.class.getResourceAsStream("rehearsal.bin")) {
      if (image == null) {
        throw new IllegalStateException("rehearsal.bin is not in the jar");
      }
      return image.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static AssembledMachine created(
      MachineAssembler assembler, String name, String engine, GuestMemory memory) {
    return assembler.assemble(
        assembler.configure(name, RAM_BYTES, 1), memory, engine, Optional.empty());
  }
}
