package dev.godwit.cpu.oracle;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs {@link OracleCase}s on the CPU that the tests run on, by the C program {@code
 * src/test/native/hostcpu.c}, which is built with gcc on first use.
 *
 * <p>About 200,000 cases a second. Never put SYSCALL, SYSENTER or INT 80h in a case: they would be
 * real system calls.
 */
public final class HostCpu {
  private static final int REQUEST_BYTES = 704;
  private static final int RESULT_BYTES = 688;
  private static final long BUILD_SECONDS = 60;
  private static final long RUN_SECONDS = 300;

  private final Path program;

  private HostCpu(Path program) {
    this.program = program;
  }

  /**
   * Builds the oracle.
   *
   * @throws IllegalStateException if there is no gcc, or it cannot build the program: the tests
   *     that need the oracle fail then, they are not skipped
   */
  public static synchronized HostCpu build() {
    try {
      Path module =
          Files.isDirectory(Path.of("src/test/native")) ? Path.of("") : Path.of("hypervisor");
      Path source = module.resolve("src/test/native/hostcpu.c").toAbsolutePath();
      Path directory =
          Files.createDirectories(module.resolve("target/test-native").toAbsolutePath());
      Path program = directory.resolve("hostcpu");
      if (!Files.exists(program)
          || Files.getLastModifiedTime(program).compareTo(Files.getLastModifiedTime(source)) < 0) {
        Path fresh = Files.createTempFile(directory, "hostcpu", ".new");
        run(
            BUILD_SECONDS,
            new ProcessBuilder(
                "gcc", "-O2", "-Wall", "-Werror", "-o", fresh.toString(), source.toString()));
        Files.move(fresh, program, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
      }
      return new HostCpu(program);
    } catch (IOException e) {
      throw new IllegalStateException(
          "the tests against the host's CPU need gcc (Debian: apt-get install gcc libc6-dev): "
              + e.getMessage(),
          e);
    }
  }

  /** The results of {@code cases}, in order. */
  public List<OracleResult> run(List<OracleCase> cases) {
    try {
      Path in = Files.createTempFile("hostcpu", ".cases");
      Path out = Files.createTempFile("hostcpu", ".results");
      try {
        Files.write(in, encode(cases).array());
        run(
            RUN_SECONDS,
            new ProcessBuilder(program.toString())
                .redirectInput(in.toFile())
                .redirectOutput(out.toFile()));
        return decode(
            cases, ByteBuffer.wrap(Files.readAllBytes(out)).order(ByteOrder.LITTLE_ENDIAN));
      } finally {
        Files.delete(in);
        Files.delete(out);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ByteBuffer encode(List<OracleCase> cases) {
    int bytes = cases.stream().mapToInt(c -> REQUEST_BYTES + c.mem.length).sum();
    ByteBuffer b = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (OracleCase c : cases) {
      if (c.code.length > OracleCase.MAX_CODE_BYTES) {
        throw new IllegalArgumentException(
            "code longer than " + OracleCase.MAX_CODE_BYTES + " bytes: " + c);
      }
      b.putInt(c.code.length).putInt(c.longMode ? 64 : 32).putInt(c.memOffset).putInt(c.mem.length);
      for (long value : c.gpr) {
        b.putLong(value);
      }
      b.putLong(c.rflags).putLong(c.codeOffset);
      b.put(c.code).position(b.position() + OracleCase.MAX_CODE_BYTES - c.code.length);
      b.put(c.fx.array()).put(c.mem);
    }
    return b;
  }

  private static List<OracleResult> decode(List<OracleCase> cases, ByteBuffer b) {
    List<OracleResult> results = new ArrayList<>(cases.size());
    for (OracleCase c : cases) {
      if (b.remaining() < RESULT_BYTES + c.mem.length) {
        throw new IllegalStateException("no result from the host's CPU for " + c);
      }
      int signal = b.getInt();
      int vector = b.getInt();
      long errorCode = b.getLong();
      long cr2 = b.getLong();
      long rip = b.getLong();
      long[] gpr = new long[16];
      for (int i = 0; i < 16; i++) {
        gpr[i] = b.getLong();
      }
      long rflags = b.getLong();
      boolean outside = b.getInt() != 0;
      b.getInt();
      byte[] fx = new byte[OracleCase.FX_BYTES];
      b.get(fx);
      byte[] mem = new byte[c.mem.length];
      b.get(mem);
      ByteBuffer image = ByteBuffer.wrap(fx).order(ByteOrder.LITTLE_ENDIAN);
      results.add(
          new OracleResult(signal, vector, errorCode, cr2, rip, gpr, rflags, outside, image, mem));
    }
    return results;
  }

  private static void run(long seconds, ProcessBuilder builder) throws IOException {
    Path errors = Files.createTempFile("hostcpu", ".errors");
    try {
      Process process = builder.redirectError(errors.toFile()).start();
      boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
      if (!ended) {
        process.destroyForcibly().waitFor();
      }
      if (!ended || process.exitValue() != 0) {
        throw new IOException(
            builder.command()
                + (ended ? " failed: " : " did not end: ")
                + Files.readString(errors));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      Files.delete(errors);
    }
  }
}
