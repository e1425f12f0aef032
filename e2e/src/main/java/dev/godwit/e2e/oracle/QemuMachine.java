package dev.godwit.e2e.oracle;

import dev.godwit.cpu.CpuModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * QEMU (TCG) as the oracle. Its RAM is a file: the image is written to it before and the results
 * are read from it afterwards. A "BIOS" of one jump starts the runner.
 */
final class QemuMachine implements CaseMachine {
  /** The environment variable that names another QEMU than {@code qemu-system-x86_64}. */
  static final String PROGRAM_VARIABLE = "GODWIT_QEMU";

  private static final long MOST_SECONDS = 40;
  private static final int BIOS_BYTES = 0x1_0000;

  /** isa-debug-exit's status for the value 21h. */
  private static final int FINISHED_STATUS = 0x21 << 1 | 1;

  private final Path folder;
  private final String cpu;

  /**
   * @param folder for the RAM file, 64 MiB; best in memory
   */
  QemuMachine(Path folder, CpuModel model) {
    this.folder = folder;
    this.cpu = cpu(model);
    try {
      byte[] bios = new byte[BIOS_BYTES];
      byte[] jump = {(byte) 0xEA, 0x00, (byte) 0x80, 0x00, 0x00}; // LJMP 0:8000h
      System.arraycopy(jump, 0, bios, BIOS_BYTES - 16, jump.length);
      Files.write(folder.resolve("bios"), bios);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same features as the model has, in a CPU that calls itself Intel's. */
  private static String cpu(CpuModel model) {
    String base =
        "qemu64,vendor=GenuineIntel,family=6,model=28,-svm,+popcnt,+cx16,+lahf-lm,+rdtscp,";
    return base
        + switch (model) {
          case X86_64_V1 -> "-sse3,-ssse3,-sse4.1,-sse4.2";
          case X86_64_V2 -> "+sse3,+ssse3,+sse4.1,+sse4.2";
        };
  }

  static String program() {
    String named = System.getenv(PROGRAM_VARIABLE);
    return named == null ? "qemu-system-x86_64" : named;
  }

  /**
   * Returns the major version of the QEMU there is, 0 if there is none. Versions before 10 get more
   * wrong than {@link Explanations} and {@link Exclusions} know.
   */
  static int majorVersion() {
    try {
      Process process =
          new ProcessBuilder(program(), "--version").redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      Matcher version = Pattern.compile("version (\\d+)\\.").matcher(said);
      return version.find() ? Integer.parseInt(version.group(1)) : 0;
    } catch (IOException e) {
      return 0;
    }
  }

  @Override
  public BatchResult run(RunnerImage image) {
    Path ram = folder.resolve("ram");
    try {
      Files.deleteIfExists(ram);
      try (FileChannel file =
          FileChannel.open(ram, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        ByteBuffer used = ByteBuffer.wrap(image.ram(), 0, image.usedBytes());
        while (used.hasRemaining()) {
          file.write(used);
        }
        file.write(ByteBuffer.allocate(1), RunnerImage.RAM_BYTES - 1L);
      }
      String end = execute(ram);
      ByteBuffer results =
          ByteBuffer.allocate(image.cases().size() * RunnerImage.RECORD_BYTES)
              .order(ByteOrder.LITTLE_ENDIAN);
      ByteBuffer cursor = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      try (FileChannel file = FileChannel.open(ram, StandardOpenOption.READ)) {
        file.read(results, image.resultsAt());
        file.read(cursor, RunnerImage.CONTROL + 8L);
      }
      int completed = (int) (cursor.getLong(0) - RunnerImage.CASES) / RunnerImage.RECORD_BYTES;
      return new BatchResult(results, completed, end);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String execute(Path ram) throws IOException {
    Path log = folder.resolve("qemu.log");
    List<String> command =
        List.of(
            program(),
            "-accel",
            "tcg",
            "-cpu",
            cpu,
            "-object",
            "memory-backend-file,id=ram,share=on,mem-path="
                + ram
                + ",size="
                + RunnerImage.RAM_BYTES,
            "-machine",
            "pc,memory-backend=ram",
            "-m",
            (RunnerImage.RAM_BYTES >> 20) + "M",
            "-bios",
            folder.resolve("bios").toString(),
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-device",
            "isa-debug-exit,iobase=0xf4,iosize=4");
    Process process;
    try {
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
    } catch (IOException e) {
      throw new IllegalStateException(
          "the instruction oracle needs QEMU (Debian: apt-get install qemu-system-x86), or "
              + PROGRAM_VARIABLE
              + " naming one: "
              + e.getMessage(),
          e);
    }
    try {
      if (!process.waitFor(MOST_SECONDS, TimeUnit.SECONDS)) {
        return BatchResult.ENDLESS;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "interrupted";
    } finally {
      process.destroyForcibly();
    }
    int status = process.exitValue();
    if (status == FINISHED_STATUS) {
      return BatchResult.FINISHED;
    }
    String said = Files.readString(log);
    if (status != 0) {
      throw new IllegalStateException("QEMU failed with status " + status + ": " + said);
    }
    return "QEMU ended by a triple fault " + said;
  }
}
