package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.bus.PortHandler;
import dev.godwit.cpu.CpuModel;
import dev.godwit.memory.PageSet;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What the oracle's one page cannot show: runs over many pages, interruption, faults on the way,
 * dirty marks, ports.
 */
@Timeout(60)
class StringInsnTest {
  private static final int RCX = 1;
  private static final int RSI = 6;
  private static final int RDI = 7;

  /** Linear 10_0000h–17_FFFFh maps to the pages of gpa 30_0000h–37_FFFFh in reverse order. */
  private static final long WINDOW = 0x10_0000;

  private static final int WINDOW_PAGES = 128;
  private static final int WINDOW_BYTES = WINDOW_PAGES << 12;
  private static final long WINDOW_GPA = 0x30_0000;

  private Guest guest;
  private SoftCpu cpu;

  @BeforeEach
  void mapReversed() {
    guest = Guest.longMode("");
    guest.smallPages(3);
    for (int page = 0; page < WINDOW_PAGES; page++) {
      guest.memory.write64(
          Guest.entryOf(WINDOW + ((long) page << 12)), gpaOf((long) page << 12) | 3);
    }
    cpu = guest.cpu;
    cpu.mmu.flushAll();
  }

  @AfterEach
  void close() {
    guest.close();
  }

  private static long gpaOf(long offset) {
    return WINDOW_GPA + ((WINDOW_PAGES - 1 - (offset >>> 12)) << 12) + (offset & 0xFFF);
  }

  private Insn decode(int... code) {
    DecodeContext d = new DecodeContext(CpuModel.X86_64_V2);
    d.begin(at -> code[at], Guest.CODE, 64, true);
    return OpcodeTable.decode(d);
  }

  /** Executes until RIP leaves the instruction; returns how many executions it took. */
  private int finish(Insn insn) {
    for (int executions = 1; ; executions++) {
      insn.execute(cpu);
      if (cpu.rip == insn.nextRip) {
        return executions;
      }
      assertEquals(insn.rip, cpu.rip);
    }
  }

  private byte[] window() {
    byte[] all = new byte[WINDOW_BYTES];
    for (int i = 0; i < WINDOW_BYTES; i++) {
      all[i] = (byte) guest.memory.read8(gpaOf(i));
    }
    return all;
  }

  private byte[] fillRandomly(SplittableRandom random) {
    byte[] all = new byte[WINDOW_BYTES];
    random.nextBytes(all);
    for (int i = 0; i < WINDOW_BYTES; i++) {
      guest.memory.write8(gpaOf(i), all[i]);
    }
    return all;
  }

  @Test
  void bulkMovesAndFillsAreTheSameAsOneElementAfterTheOther() {
    SplittableRandom random = new SplittableRandom(7);
    byte[] model = fillRandomly(random);
    for (int round = 0; round < 400; round++) {
      int bytes = 1 << random.nextInt(4);
      boolean move = random.nextInt(4) > 0;
      boolean down = random.nextInt(3) == 0;
      int count = random.nextInt(random.nextBoolean() ? 40 : 20_000 / bytes);
      int span = count * bytes + 8;
      int low = random.nextInt(WINDOW_BYTES / 2 - span);
      int distance =
          random.nextBoolean() ? random.nextInt(1, 64) : random.nextInt(1, WINDOW_BYTES / 2);
      int source = random.nextBoolean() ? low : low + distance;
      int target = source == low ? low + distance : low;
      int start = down ? (count - 1) * bytes : 0;
      cpu.flagsRest = down ? Flags.DF : 0;
      cpu.regs[0] = random.nextLong();
      cpu.regs[RCX] = count;
      cpu.regs[RSI] = WINDOW + source + start;
      cpu.regs[RDI] = WINDOW + target + start;
      int opcode = (move ? 0xA4 : 0xAA) + (bytes == 1 ? 0 : 1);
      Insn insn =
          switch (bytes) {
            case 2 -> decode(0xF3, 0x66, opcode);
            case 8 -> decode(0xF3, 0x48, opcode);
            default -> decode(0xF3, opcode);
          };
      finish(insn);
      for (int i = 0; i < count; i++) {
        int at = down ? (count - 1 - i) * bytes : i * bytes;
        byte[] element = new byte[bytes];
        for (int b = 0; b < bytes; b++) {
          element[b] = move ? model[source + at + b] : (byte) (cpu.regs[0] >>> (8 * b));
        }
        System.arraycopy(element, 0, model, target + at, bytes);
      }
      long step = (long) (down ? -count : count) * bytes;
      assertEquals(0, cpu.regs[RCX]);
      assertEquals(WINDOW + target + start + step, cpu.regs[RDI]);
      assertEquals(WINDOW + source + start + (move ? step : 0), cpu.regs[RSI]);
    }
    assertArrayEquals(model, window());
  }

  @Test
  void aLongFillIsInterruptibleAndResumesWhereItWas() {
    cpu.regs[0] = 0x5A;
    cpu.regs[RCX] = WINDOW_BYTES;
    cpu.regs[RDI] = WINDOW;
    Insn stosb = decode(0xF3, 0xAA);
    assertTrue(stosb.endsBlock());
    stosb.execute(cpu);
    assertEquals(stosb.rip, cpu.rip);
    assertEquals(WINDOW_BYTES - (cpu.regs[RDI] - WINDOW), cpu.regs[RCX]);
    assertTrue(cpu.regs[RCX] >= WINDOW_BYTES - 0x2_0000, "too much at once");
    assertTrue(finish(stosb) > 1);
    byte[] expected = new byte[WINDOW_BYTES];
    Arrays.fill(expected, (byte) 0x5A);
    assertArrayEquals(expected, window());
  }

  @Test
  void countsThatLookNegativeAreLarge() {
    Insn insn = decode(0xF3, 0xA4); // rep movsb, up to the end of what is mapped
    cpu.flagsRest = 0;
    cpu.regs[1] = -0x10000L;
    cpu.regs[6] = 0x1F_F000L;
    cpu.regs[7] = 0x1F_E000L;
    guest.memory.write64(Guest.PD + 8, 0); // nothing from 2 MiB on
    cpu.mmu.flushAll();
    GuestFault fault = assertThrows(GuestFault.class, () -> finish(insn));
    assertEquals(0x20_0000L, fault.address);
    assertEquals(-0x11000L, cpu.regs[1]);
    assertEquals(0x20_0000L, cpu.regs[6]);
  }

  @Test
  void whatComesBetweenIterationsFindsTheResumeFlagSet() {
    Insn insn = decode(0xF3, 0xAA); // rep stosb
    cpu.flagsRest = Flags.TF;
    cpu.regs[1] = 2;
    cpu.regs[7] = WINDOW;
    insn.execute(cpu);
    assertEquals(Flags.RF, cpu.flagsRest & Flags.RF);
    insn.execute(cpu);
    assertEquals(0, cpu.flagsRest & Flags.RF, "the last iteration ends the instruction");
  }

  @Test
  void aSingleStepOfARepeatedInstructionIsOneIteration() {
    cpu.flagsRest = Flags.TF;
    cpu.regs[RCX] = 5;
    cpu.regs[RDI] = WINDOW;
    Insn stosq = decode(0xF3, 0x48, 0xAB);
    stosq.execute(cpu);
    assertEquals(stosq.rip, cpu.rip);
    assertEquals(4, cpu.regs[RCX]);
    assertEquals(WINDOW + 8, cpu.regs[RDI]);
  }

  @Test
  void aWatchedAddressInTheMiddleOfARunIsNoticed() {
    cpu.dr[0] = WINDOW + 0x108;
    cpu.dr[7] = 0x0009_0402L; // DR0, writes of 8 bytes
    cpu.updateMode();
    cpu.regs[RCX] = 0x40;
    cpu.regs[RDI] = WINDOW + 0xF8;
    Insn stosq = decode(0xF3, 0x48, 0xAB);
    stosq.execute(cpu);
    stosq.execute(cpu);
    assertEquals(0, cpu.pendingDr6 & 1);
    stosq.execute(cpu);
    assertEquals(1, cpu.pendingDr6 & 1);
    assertEquals(0x3D, cpu.regs[RCX]);
  }

  @Test
  void aFaultOnTheWayLeavesTheRegistersOfTheFaultingIteration() {
    long hole = WINDOW + 0x5000;
    guest.memory.write64(Guest.entryOf(hole), 0);
    cpu.mmu.flushAll();
    fillRandomly(new SplittableRandom(3));
    cpu.regs[RCX] = 0x1000;
    cpu.regs[RSI] = WINDOW + 0x2_0000;
    cpu.regs[RDI] = hole - 0x1803; // the last element before the hole crosses into it
    Insn movsq = decode(0xF3, 0x48, 0xA5);
    GuestFault fault = assertThrows(GuestFault.class, () -> finish(movsq));
    assertEquals(GuestFault.PF, fault.vector);
    assertEquals(hole, fault.address);
    assertEquals(0x300, 0x1000 - cpu.regs[RCX]);
    assertEquals(WINDOW + 0x2_0000 + 0x1800, cpu.regs[RSI]);
    assertEquals(hole - 3, cpu.regs[RDI]);
    for (int i = 0; i < 0x1800; i++) {
      assertEquals(
          guest.memory.read8(gpaOf(0x2_0000 + i)), guest.memory.read8(gpaOf(0x5000 - 0x1803 + i)));
    }
  }

  @Test
  void everyPageThatABulkStoreTouchesIsMarkedDirty() {
    PageSet dirty = new PageSet(guest.memory.framePages());
    guest.memory.dirty().harvest(dirty);
    dirty.clear();
    cpu.regs[RCX] = 3 * 4096 / 8;
    cpu.regs[RDI] = WINDOW + 0x800;
    finish(decode(0xF3, 0x48, 0xAB));
    guest.memory.dirty().harvest(dirty);
    for (int page = 0; page < WINDOW_PAGES; page++) {
      assertEquals(page < 4, dirty.contains(gpaOf((long) page << 12) >>> 12), "page " + page);
    }
  }

  @Test
  void aFillOverDecodedCodeIsExecutedAnew() {
    // call 10100h (which does mov $1,%eax; ret), rep stosb NOPs over the MOV's target, call again,
    // out.
    guest.close();
    guest =
        Guest.longMode(
            """
            e8fb000000 89c3 bf00010100 b905000000 b090 31d2 fc f3aa
            b837000000 e8de000000 e6f4
            """);
    guest.code(Guest.CODE + 0x100, "b801000000 c3");
    guest.run();
    assertEquals(1, guest.cpu.regs[3]);
    assertEquals(0x37, guest.exitValue, "the MOV was replaced by NOPs");
  }

  @Test
  void stringsGoThroughPorts() {
    byte[] out = new byte[3];
    int[] at = {0};
    guest.io.map(
        0x1F0,
        1,
        "probe",
        new PortHandler() {
          @Override
          public int readPort(int port, int sizeBytes) {
            return 0x1111 * (sizeBytes + at[0]++);
          }

          @Override
          public void writePort(int port, int sizeBytes, int value) {
            out[at[0]++] = (byte) value;
          }
        });
    cpu.regs[2] = 0x1F0;
    guest.memory.write32(gpaOf(0xFFE), 0); // crossing a page
    cpu.regs[RDI] = WINDOW + 0xFFE;
    cpu.regs[RCX] = 3;
    finish(decode(0xF3, 0x66, 0x6D)); // rep insw
    assertEquals(0x2222, guest.memory.read16(gpaOf(0xFFE)));
    assertEquals(0x3333, guest.memory.read16(gpaOf(0x1000)));
    assertEquals(0x4444, guest.memory.read16(gpaOf(0x1002)));
    at[0] = 0;
    cpu.regs[RSI] = WINDOW + 0xFFE;
    cpu.regs[RCX] = 3;
    finish(decode(0xF3, 0x6E)); // rep outsb
    assertArrayEquals(new byte[] {0x22, 0x22, 0x33}, out);
  }
}
