package dev.godwit.e2e.oracle;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** Assembles the runner from its source, a resource, with GNU as and ld. */
final class RunnerCode {
  private static final long MOST_SECONDS = 60;

  private RunnerCode() {}

  /** Returns the runner's bytes. */
  static byte[] assemble(Path folder) {
    try {
      Path source = folder.resolve("runner.S");
      try (InputStream in =
          Objects.requireNonNull(RunnerCode.class.getResourceAsStream("runner.S"))) {
        Files.copy(in, source, StandardCopyOption.REPLACE_EXISTING);
      }
      Path object = folder.resolve("runner.o");
      Path binary = folder.resolve("runner.bin");
      run(folder, "as", "--64", "-o", object.toString(), source.toString());
      run(
          folder,
          "ld",
          "-m",
          "elf_x86_64",
          "-Ttext=0x8000",
          "--oformat",
          "binary",
          "-o",
          binary.toString(),
          object.toString());
      return Files.readAllBytes(binary);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void run(Path folder, String... command) throws IOException {
    Path log = folder.resolve("build.log");
    try {
      Process process =
          new ProcessBuilder(List.of(command))
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      if (!process.waitFor(MOST_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IllegalStateException(command[0] + " failed: " + Files.readString(log));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (IOException e) {
      throw new IllegalStateException(
          "the instruction oracle needs binutils (Debian: apt-get install binutils): "
              + e.getMessage(),
          e);
    }
  }
}
