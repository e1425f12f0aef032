package dev.godwit.e2e.snapshot;

import static dev.godwit.e2e.snapshot.SnapshotLab.MIB;

import dev.godwit.boot.BootImage;
import dev.godwit.machine.CpuEngines;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.Pc;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.memory.GuestMemory;
import dev.godwit.snapshot.file.Inspector;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationListener;
import dev.godwit.source.file.FileSink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Writes snapshots that are kept: {@code Fixtures FOLDER}. Those of an older version are never
 * written again; a new version gets a folder of its own.
 */
final class Fixtures {
  /** Where the small guest counts. */
  static final long COUNTER_GPA = 0x18_0000;

  static final String DEVICE = "kept since version 1";

  private static final long CODE_GPA = 0x10_0000;
  private static final int CODE_OFFSET = 0x1000;

  /**
   *
   *
   * <pre>
   *   mov dx, 0x3f8
   *   again: inc qword [COUNTER_GPA]; mov al, '.'; out dx, al
   *   mov ecx, 100000; wait: dec ecx; jnz wait; jmp again
   * </pre>
   */
  private static final String CODE =
      "66baf803" + "48ff042500001800" + "b02e" + "ee" + "b9a0860100" + "ffc9" + "75fc" + "ebea";

  private Fixtures() {}

  /** Writes a synthetic machine's and a PC's snapshot, and what inspect says of them. */
  public static void main(String[] args) throws Exception {
    Path synthetic = Files.createDirectories(Path.of(args[0], "synthetic")).resolve("vm");
    try (SnapshotLab lab = new SnapshotLab()) {
      SyntheticMachine machine = lab.start(MIB, 2, Load.of(4, 200, 4));
      machine.setDevice(DEVICE);
      SnapshotLab.snapshot(machine, synthetic, Afterwards.SUSPENDED);
    }
    writeInspection(synthetic);
    Path pc = Files.createDirectories(Path.of(args[0], "pc")).resolve("vm");
    writePc(pc);
    writeInspection(pc);
    writeIncremental(Files.createDirectories(Path.of(args[0], "incremental")));
  }

  /** A snapshot of what changed since another one, which lies beside it. */
  private static void writeIncremental(Path folder) throws IOException {
    Path file = folder.resolve("vm");
    try (SnapshotLab lab = new SnapshotLab()) {
      SyntheticMachine machine = lab.start(MIB, 1, Load.of(4, 200, 40));
      machine.setDevice("not this");
      SnapshotLab.snapshot(machine, folder.resolve("before"), Afterwards.GOES_ON);
      machine.setDevice(DEVICE);
      SnapshotLab.snapshot(machine, file, Afterwards.SUSPENDED, folder.resolve("before"));
    }
    writeInspection(file);
  }

  private static void writePc(Path file) throws Exception {
    long ramBytes = 4 * MIB;
    GuestMemory memory = GuestMemory.allocate(ramBytes);
    Pc pc =
        Pc.build(
            new MachineConfig(
                "counting",
                ramBytes,
                1,
                "x86-64-v1",
                Pc.STANDARD_DEVICES,
                MachineConfig.DEFAULT_TSC_HZ),
            memory,
            CpuEngines.create(CpuEngines.SOFT),
            InstantSource.system());
    Path kernel = Files.createTempFile("counting", ".elf");
    Files.write(kernel, vmlinux());
    pc.load(new BootImage(kernel, Optional.empty(), ""));
    Files.delete(kernel);
    pc.machine().start();
    while (memory.read64(COUNTER_GPA) < 10) {
      Thread.sleep(10);
    }
    new LiveMigration(
            pc.machine(),
            new FileSink(file, Afterwards.SUSPENDED),
            Afterwards.SUSPENDED,
            SnapshotLab.OPTIONS,
            MigrationListener.NONE,
            SnapshotLab.PRODUCER)
        .run();
  }

  /** An ELF file with the code as its one segment. */
  private static byte[] vmlinux() {
    byte[] code = HexFormat.of().parseHex(CODE);
    ByteBuffer elf = ByteBuffer.allocate(CODE_OFFSET + code.length).order(ByteOrder.LITTLE_ENDIAN);
    elf.putInt(0, 0x464C_457F).put(4, (byte) 2).put(5, (byte) 1).put(6, (byte) 1);
    elf.putShort(16, (short) 2).putShort(18, (short) 62).putLong(24, CODE_GPA).putLong(32, 64);
    elf.putShort(54, (short) 56).putShort(56, (short) 1);
    elf.putInt(64, 1).putLong(72, CODE_OFFSET).putLong(80, CODE_GPA).putLong(88, CODE_GPA);
    elf.putLong(96, code.length).putLong(104, code.length);
    elf.put(CODE_OFFSET, code);
    return elf.array();
  }

  private static void writeInspection(Path file) throws IOException {
    Files.writeString(
        file.resolveSibling("inspect.txt"), withoutFolder(Inspector.inspect(file, true).toText()));
  }

  /** The first line names the file, which is somewhere else in each test. */
  static String withoutFolder(String text) {
    return text.substring(text.indexOf('\n') + 1);
  }
}
