package dev.godwit.e2e.bench;

import dev.godwit.clock.GuestClock;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineParts;
import dev.godwit.memory.GuestMemory;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationListener;
import dev.godwit.source.MigrationOptions;
import dev.godwit.source.MigrationOptions.Compression;
import dev.godwit.source.MigrationReport;
import dev.godwit.source.NetworkSink;
import dev.godwit.source.NetworkSinkOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * How fast incompressible guest RAM gets from one process to another, and how fast a plain socket
 * would move the same RAM in the same minute: the ratio is what counts, since the host's own speed
 * varies.
 *
 * <p>Usage: {@code PagePathBenchmark [--rounds N] [--warm-up N] [--mib N] [--compression
 * off|on|auto] [--check]}. With {@code --check} the exit status is 1 if the page path is below 1.0
 * GB/s or 0.45 of the socket.
 */
public final class PagePathBenchmark {
  static final int SOCKET_CHUNK_BYTES = 256 << 10;
  private static final double REQUIRED_GB_PER_SECOND = 1.0;
  private static final double REQUIRED_RATIO = 0.45;

  /** Enough for any host: the pause is not measured. */
  private static final Duration PAUSE = Duration.ofSeconds(5);

  private int rounds = 7;
  private int warmUps = 8;
  private long ramBytes = 1L << 30;
  private Compression compression = Compression.AUTO;
  private boolean check;

  private PagePathBenchmark(String[] args) {
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--rounds" -> rounds = Integer.parseInt(args[++i]);
        case "--warm-up" -> warmUps = Integer.parseInt(args[++i]);
        case "--mib" -> ramBytes = Long.parseLong(args[++i]) << 20;
        case "--compression" ->
            compression = Compression.valueOf(args[++i].toUpperCase(Locale.ROOT));
        case "--check" -> check = true;
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
  }

  /** One measurement. */
  private record Sample(double gbPerSecond, double cpuSecondsPerGib) {}

  public static void main(String[] args) throws Exception {
    logWarningsOnly();
    System.exit(new PagePathBenchmark(args).run());
  }

  /** Two lines of log a state, from both processes, would bury the table. */
  static void logWarningsOnly() {
    Logger.getLogger("").setLevel(Level.WARNING);
  }

  private int run() throws IOException {
    List<String> command = OwnJvm.command(List.of(), PagePathTarget.class, Long.toString(ramBytes));
    Process target =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(target.getInputStream(), StandardCharsets.UTF_8))) {
      int socketPort = Integer.parseInt(line(lines));
      List<Sample> sockets = new ArrayList<>();
      List<Sample> pages = new ArrayList<>();
      System.out.printf(
          "%d MiB of random RAM, two processes, loopback, LZ4 %s%n", ramBytes >> 20, compression);
      System.out.printf(
          "%-8s %14s %14s %8s %16s %18s%n",
          "round", "socket GB/s", "pages GB/s", "ratio", "CPU-s/GiB", "first touch s/GiB");
      for (int i = 1 - warmUps; i <= rounds; i++) {
        int port = Integer.parseInt(line(lines));
        Machine machine = machine(i);
        Sample socket = measure(target, () -> socket(machine.memory(), socketPort));
        Sample migration = measure(target, () -> migrate(machine, port));
        double touchSecondsPerGib = Long.parseLong(line(lines)) / 1e9 / gib();
        Sample page =
            new Sample(migration.gbPerSecond, migration.cpuSecondsPerGib - touchSecondsPerGib);
        System.out.printf(
            "%-8s %14.2f %14.2f %8.2f %7.2f / %6.2f %18.2f%n",
            i > 0 ? Integer.toString(i) : "warm-up",
            socket.gbPerSecond,
            page.gbPerSecond,
            page.gbPerSecond / socket.gbPerSecond,
            socket.cpuSecondsPerGib,
            page.cpuSecondsPerGib,
            touchSecondsPerGib);
        if (i > 0) {
          sockets.add(socket);
          pages.add(page);
        }
      }
      double socketRate = Median.of(sockets.stream().mapToDouble(Sample::gbPerSecond).toArray());
      double pageRate = Median.of(pages.stream().mapToDouble(Sample::gbPerSecond).toArray());
      System.out.printf(
          "%-8s %14.2f %14.2f %8.2f%n", "median", socketRate, pageRate, pageRate / socketRate);
      System.out.printf(
          "CPU seconds per GiB, both ends: socket %.2f, pages (whole migration, without first"
              + " touch) %.2f%n",
          Median.of(sockets.stream().mapToDouble(Sample::cpuSecondsPerGib).toArray()),
          Median.of(pages.stream().mapToDouble(Sample::cpuSecondsPerGib).toArray()));
      boolean enough =
          pageRate >= REQUIRED_GB_PER_SECOND && pageRate / socketRate >= REQUIRED_RATIO;
      System.out.printf(
          "required: %.1f GB/s and a ratio of %.2f: %s%n",
          REQUIRED_GB_PER_SECOND, REQUIRED_RATIO, enough ? "met" : "MISSED");
      return check && !enough ? 1 : 0;
    } finally {
      target.destroy();
    }
  }

  private static String line(BufferedReader lines) throws IOException {
    String line = lines.readLine();
    if (line == null) {
      throw new IOException("the other process ended");
    }
    return line;
  }

  private interface Transfer {
    /** Moves all RAM; returns how long that took. */
    long nanos() throws IOException;
  }

  private Sample measure(Process target, Transfer transfer) throws IOException {
    Duration before = cpu(target);
    long nanos = transfer.nanos();
    Duration used = cpu(target).minus(before);
    return new Sample(ramBytes / 1e9 / (nanos / 1e9), used.toNanos() / 1e9 / gib());
  }

  private double gib() {
    return ramBytes / (double) (1 << 30);
  }

  private static Duration cpu(Process target) {
    return ProcessHandle.current()
        .info()
        .totalCpuDuration()
        .orElse(Duration.ZERO)
        .plus(target.info().totalCpuDuration().orElse(Duration.ZERO));
  }

  /** Returns a machine without vCPUs whose RAM is random. */
  private Machine machine(long seed) {
    GuestMemory memory = GuestMemory.allocate(ramBytes);
    SplittableRandom random = new SplittableRandom(seed);
    byte[] block = new byte[1 << 20];
    random.nextBytes(block);
    for (long gpa = 0; gpa < ramBytes; gpa += block.length) {
      // Each page differs from all others; that is enough for every compressor to give up.
      for (int page = 0; page < block.length; page += GuestMemory.PAGE_BYTES) {
        block[page + (int) (gpa >>> 20) % GuestMemory.PAGE_BYTES] ^= 0x5A;
      }
      memory.copyIn(gpa, block);
    }
    return build(
        new MachineConfig("bench", ramBytes, 1, "none", List.of(), MachineConfig.DEFAULT_TSC_HZ),
        memory);
  }

  /** Makes a machine around RAM: nothing runs, nothing is emulated. */
  static Machine build(MachineConfig config, GuestMemory memory) {
    GuestClock clock = new GuestClock(System::nanoTime, config.tscHz());
    return new Machine(
        config, new MachineParts(memory, clock, List.of(), List.of(), List.of(), List.of()));
  }

  private static long socket(GuestMemory memory, int port) throws IOException {
    try (SocketChannel channel =
        SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))) {
      long start = System.nanoTime();
      for (GuestMemory.Region region : memory.regions()) {
        MemorySegment view = memory.view(region.gpa(), region.bytes());
        for (long offset = 0; offset < region.bytes(); offset += SOCKET_CHUNK_BYTES) {
          ByteBuffer chunk = view.asSlice(offset, SOCKET_CHUNK_BYTES).asByteBuffer();
          while (chunk.hasRemaining()) {
            channel.write(chunk);
          }
        }
      }
      channel.shutdownOutput();
      if (channel.read(ByteBuffer.allocate(1)) != 1) {
        throw new IOException("the other process did not say that it had everything");
      }
      return System.nanoTime() - start;
    }
  }

  private long migrate(Machine machine, int port) {
    machine.startPaused();
    MigrationReport report =
        new LiveMigration(
                machine,
                new NetworkSink("127.0.0.1", port, "godwit bench", NetworkSinkOptions.DEFAULT),
                Afterwards.MIGRATED,
                MigrationOptions.DEFAULT.withCompression(compression).withMaxDowntime(PAUSE),
                MigrationListener.NONE,
                "godwit bench")
            .run();
    return report.rounds().getFirst().nanos();
  }
}
