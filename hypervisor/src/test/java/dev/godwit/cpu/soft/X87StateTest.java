package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.cpu.CpuException;
import dev.godwit.cpu.oracle.HostCpu;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.oracle.OracleResult;
import dev.godwit.cpu.soft.fpu.FloatSamples;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * FXSAVE, FNSAVE, FNSTENV and their opposites, #MF and #NM, and the image that a snapshot keeps.
 */
final class X87StateTest {
  private static final int WINDOW_BYTES = 560;
  private static final int FXSAVE_BYTES = 416;

  /** Cases of one instruction on [RBX], 64-byte aligned, with a window for an FXSAVE area. */
  private static List<OracleCase> cases(int count, long seed, int... code) {
    FloatCases generator = new FloatCases(new FloatSamples(seed));
    List<OracleCase> cases = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      OracleCase c = generator.random();
      c.longMode = true;
      generator.randomX87(c);
      byte[] small = c.mem;
      c.memOffset = 0x100;
      c.mem = new byte[WINDOW_BYTES];
      for (int at = 0; at < WINDOW_BYTES; at++) {
        c.mem[at] = small[at % small.length];
      }
      c.gpr[FloatCases.RBX] = OracleCase.DATA_BASE + 0x100;
      c.code = new byte[code.length];
      for (int b = 0; b < code.length; b++) {
        c.code[b] = (byte) code[b];
      }
      cases.add(c);
    }
    return cases;
  }

  /**
   * Runs each case on both, and compares the memory written, but for what {@code ignored} blanks
   * out.
   */
  private static void compareStores(List<OracleCase> cases, Consumer<byte[]> ignored) {
    List<OracleResult> results = HostCpu.build().run(cases);
    try (SoftRunner runner = new SoftRunner()) {
      for (int i = 0; i < cases.size(); i++) {
        OracleCase c = cases.get(i);
        OracleResult r = results.get(i);
        runner.run(c, runner.decode(c));
        byte[] soft = runner.memory(c);
        byte[] host = r.mem().clone();
        ignored.accept(soft);
        ignored.accept(host);
        assertArrayEquals(host, soft, () -> c + "\nhost: " + r);
        runner.setMemory(c, r.mem());
        assertEquals(null, runner.difference(c, r), () -> c + "\nhost: " + r);
      }
    }
  }

  @Test
  void savesWhatTheHostSavesByFxsave() {
    compareStores(
        cases(500, 31, 0x48, 0x0F, 0xAE, 0x03),
        image -> {
          // FOP, FIP, FDP; the host's MXCSR mask; what lies behind XMM15.
          Arrays.fill(image, 6, 24, (byte) 0);
          Arrays.fill(image, 28, 32, (byte) 0);
          Arrays.fill(image, FXSAVE_BYTES, WINDOW_BYTES, (byte) 0);
        });
  }

  @Test
  void storesTheEnvironmentThatTheHostStores() {
    compareStores(cases(500, 32, 0xD9, 0x33), image -> Arrays.fill(image, 12, 28, (byte) 0));
    compareStores(cases(500, 33, 0x66, 0xD9, 0x33), image -> Arrays.fill(image, 6, 14, (byte) 0));
  }

  @Test
  void savesAndInitialisesAsTheHost() {
    compareStores(cases(500, 34, 0xDD, 0x33), image -> Arrays.fill(image, 12, 28, (byte) 0));
    compareStores(cases(500, 35, 0x66, 0xDD, 0x33), image -> Arrays.fill(image, 6, 14, (byte) 0));
  }

  @Test
  void loadsTheEnvironmentAndRegistersAsTheHost() {
    OracleComparison.check(cases(500, 36, 0xD9, 0x23), (c, r) -> false);
    OracleComparison.check(cases(500, 37, 0xDD, 0x23), (c, r) -> false);
    OracleComparison.check(cases(500, 38, 0x66, 0xDD, 0x23), (c, r) -> false);
  }

  @Test
  void loadsMxcsrAndFxrstorAsTheHost() {
    List<OracleCase> cases = cases(500, 39, 0x48, 0x0F, 0xAE, 0x0B);
    for (int i = 0; i < cases.size(); i++) {
      // A valid MXCSR but in every eighth: that one raises #GP.
      byte[] mem = cases.get(i).mem;
      mem[26] = (byte) (i % 8 == 0 ? 4 : 0);
      mem[27] = 0;
    }
    OracleComparison.check(cases, (c, r) -> false);
    List<OracleCase> loads = cases(500, 40, 0x0F, 0xAE, 0x13);
    for (int i = 0; i < loads.size(); i++) {
      byte[] mem = loads.get(i).mem;
      mem[2] = (byte) (i % 8 == 0 ? 4 : 0);
      mem[3] = 0;
    }
    OracleComparison.check(loads, (c, r) -> false);
    OracleComparison.check(cases(100, 41, 0x0F, 0xAE, 0x1B), (c, r) -> false);
  }

  @Test
  void raisesPendingExceptionsAtTheNextWaitingInstructionAsTheHost() {
    for (int[] code :
        new int[][] {
          {0x9B}, {0xD9, 0xE8}, {0xDB, 0xE2}, {0xDB, 0xE3}, {0x0F, 0x77}, {0xDF, 0xE0}
        }) {
      List<OracleCase> cases = cases(200, 42, code);
      for (OracleCase c : cases) {
        // Any exception pending, most of them unmasked.
        c.fx.putShort(0, (short) (c.fx.getShort(0) & ~0x15));
        c.fx.putShort(2, (short) (c.fx.getShort(2) | c.gpr[0] & 0x3F));
      }
      OracleComparison.check(cases, (c, r) -> false);
    }
  }

  @Test
  void survivesASnapshotImage() {
    try (SoftRunner runner = new SoftRunner()) {
      for (OracleCase c : cases(300, 43, 0x48, 0x0F, 0xAE, 0x03)) {
        FxImage.fromBytes(runner.cpu, c.fx.array());
        byte[] image = FxImage.toBytes(runner.cpu);
        FxImage.fromBytes(runner.cpu, new byte[FxImage.BYTES]);
        FxImage.fromBytes(runner.cpu, image);
        assertArrayEquals(image, FxImage.toBytes(runner.cpu));
        assertArrayEquals(
            Arrays.copyOfRange(c.fx.array(), 160, FXSAVE_BYTES),
            Arrays.copyOfRange(image, 160, FXSAVE_BYTES));
      }
    }
  }

  @Test
  void refusesMalformedImages() {
    try (SoftRunner runner = new SoftRunner()) {
      assertThrows(CpuException.class, () -> FxImage.fromBytes(runner.cpu, new byte[511]));
      byte[] image = FxImage.toBytes(runner.cpu);
      image[26] = 1;
      assertThrows(CpuException.class, () -> FxImage.fromBytes(runner.cpu, image));
    }
  }

  @Test
  void reportsTheDeviceNotAvailable() {
    OracleCase c = cases(1, 44, 0xD9, 0xE8).getFirst();
    OracleCase wait = cases(1, 45, 0x9B).getFirst();
    try (SoftRunner runner = new SoftRunner()) {
      Insn fld1 = runner.decode(c);
      Insn fwait = runner.decode(wait);
      runner.run(c, fld1);
      runner.cpu.x87.init();
      runner.cpu.cr0 = 1 | 1 << 3 | 1 << 5;
      assertEquals(
          GuestFault.NM, assertThrows(GuestFault.class, () -> fld1.execute(runner.cpu)).vector);
      fwait.execute(runner.cpu);
      runner.cpu.cr0 |= 1 << 1;
      assertEquals(
          GuestFault.NM, assertThrows(GuestFault.class, () -> fwait.execute(runner.cpu)).vector);
      runner.cpu.cr0 = 1 | 1 << 2 | 1 << 5;
      assertEquals(
          GuestFault.NM, assertThrows(GuestFault.class, () -> fld1.execute(runner.cpu)).vector);
    }
  }
}
