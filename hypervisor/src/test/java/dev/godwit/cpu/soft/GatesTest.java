package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Transfers of 32-bit protected mode that long mode has no more: tasks, call gates, V86. */
@Timeout(20)
class GatesTest {
  private static final int RBX = 3;
  private static final int RSP = 4;
  private static final long OTHER_TSS = 0xB000;
  private static final long HANDLER = 0x11000;
  private static final long USER = 0x12000;
  private static final long VIRTUAL = 0x13000;

  private static final long GATE_TO_HANDLER = HANDLER & 0xFFFF | 8L << 16 | HANDLER >>> 16 << 48;

  /** GDT: 08 code, 10 data, 1B and 23 the same of CPL 3, 28 and 30 tasks, 38 a call gate. */
  private static Guest protectedMode(String hex) {
    Guest g = new Guest();
    SoftCpu c = g.cpu;
    c.cr0 = Cr.PE | Cr.ET;
    c.gdtBase = Guest.GDT;
    c.gdtLimit = 0x3F;
    g.memory.write64(Guest.GDT + 0x08, 0x00CF_9B00_0000_FFFFL);
    g.memory.write64(Guest.GDT + 0x10, 0x00CF_9300_0000_FFFFL);
    g.memory.write64(Guest.GDT + 0x18, 0x00CF_FB00_0000_FFFFL);
    g.memory.write64(Guest.GDT + 0x20, 0x00CF_F300_0000_FFFFL);
    g.memory.write64(Guest.GDT + 0x28, 0x0000_8900_0000_00FFL | Guest.TSS << 16);
    g.memory.write64(Guest.GDT + 0x30, 0x0000_8900_0000_0067L | OTHER_TSS << 16);
    g.memory.write64(Guest.GDT + 0x38, GATE_TO_HANDLER | 2L << 32 | 0xECL << 40); // 2 parameters
    g.memory.write32(Guest.TSS + 4, 0x60000); // ESP0
    g.memory.write32(Guest.TSS + 8, 0x10); // SS0
    g.memory.write32(Guest.TSS + 0x64, 0x68 << 16); // every port is allowed
    c.idtBase = Guest.IDT;
    c.idtLimit = 0x7FF;
    c.segments.load(DecodeContext.CS, 8, g.memory.read64(Guest.GDT + 8));
    for (int seg : new int[] {DecodeContext.ES, DecodeContext.SS, DecodeContext.DS}) {
      c.segments.load(seg, 0x10, g.memory.read64(Guest.GDT + 0x10));
    }
    c.mmu.flushAll();
    c.regs[RSP] = Guest.STACK;
    c.rip = Guest.CODE;
    g.code(Guest.CODE, "66b82800 0f00d8" + hex); // mov $0x28,%ax; ltr %ax
    return g;
  }

  private static int type(Guest g, int selector) {
    return (int) (g.memory.read64(Guest.GDT + selector) >>> 40) & 0xFF;
  }

  @Test
  void aCallToATaskComesBackWithAllRegisters() {
    try (Guest g = protectedMode("b042 9a000000003000 e6f4")) { // mov; lcall $0x30,$0; out
      g.memory.write32(OTHER_TSS + 0x20, (int) HANDLER);
      g.memory.write32(OTHER_TSS + 0x24, 2);
      g.memory.write32(OTHER_TSS + 0x38, 0x70000);
      g.memory.write32(OTHER_TSS + 0x44, 0x1234);
      for (int segment = 0x48; segment <= 0x54; segment += 4) {
        g.memory.write32(OTHER_TSS + segment, segment == 0x4C ? 8 : 0x10);
      }
      g.code(HANDLER, "893d00500000 b099 cf"); // mov %edi,0x5000; mov $0x99,%al; iret
      g.run();
      assertEquals(0x42, g.exitValue, "what the caller had in AL");
      assertEquals(0x1234, g.memory.read32(0x5000), "what the other task had in EDI");
      assertEquals(0x28, g.memory.read32(OTHER_TSS), "the link back");
      assertEquals(0x99, g.memory.read32(OTHER_TSS + 0x28), "what it leaves for the next time");
      assertEquals(HANDLER + 9, g.memory.read32(OTHER_TSS + 0x20));
      assertEquals(0x8B, type(g, 0x28), "busy");
      assertEquals(0x89, type(g, 0x30), "available again");
      assertEquals(0x28, g.cpu.segSelector[SoftCpu.TR]);
      assertTrue((g.cpu.cr0 & Cr.TS) != 0);
    }
  }

  @Test
  void aBusyTaskCannotBeCalled() {
    try (Guest g = protectedMode("9a000000003000")) {
      g.memory.write64(Guest.GDT + 0x30, 0x0000_8B00_0000_0067L | OTHER_TSS << 16);
      g.memory.write64(Guest.IDT + 8 * GuestFault.GP, GATE_TO_HANDLER | 0x8EL << 40);
      g.code(HANDLER, "58 e6f4"); // pop %eax; out
      g.run();
      assertEquals(0x30, g.cpu.regs[0], "the error code names it");
    }
  }

  @Test
  void aCallGateChangesStacksAndCopiesParameters() {
    // push $0x23; push $0x70000; push $0x3002; push $0x1b; push $0x12000; iret
    try (Guest g = protectedMode("6a23 6800000700 6802300000 6a1b 6800200100 cf")) {
      g.code(USER, "6a11 6a22 9a000000003b00 e6f4"); // push; push; lcall $0x3b,$0; out
      // mov 8(%esp),%eax; add 12(%esp),%eax; lret $8
      g.code(HANDLER, "8b442408 0344240c ca0800");
      g.run();
      assertEquals(0x33, g.exitValue);
      assertEquals(3, g.cpu.cpl);
      assertEquals(0x70000, g.cpu.regs[RSP]);
      assertEquals(0x23, g.memory.read32(0x60000 - 4) & 0xFFFF, "SS of the caller");
      assertEquals(0x70000 - 8, g.memory.read32(0x60000 - 8), "its ESP");
    }
  }

  @Test
  void virtual8086ModeIsEnteredByIretAndLeftByInterrupts() {
    // GS, FS, DS, ES; SS, ESP; EFLAGS: VM, IOPL 3; CS, EIP; iret
    try (Guest g =
        protectedMode("6a04 6a03 6a02 6a01 6a00 6800700000 6802300200 6800130000 6a00 cf")) {
      g.memory.write64(Guest.IDT + 8 * 0x21, GATE_TO_HANDLER | 0xEEL << 40);
      // mov $0x1234,%ax; mov %ax,%ds; int $0x21; mov $0x55,%al; out
      g.code(VIRTUAL, "b83412 8ed8 cd21 b055 e6f4");
      g.code(HANDLER, "8b5c2418 8cd9 c1e110 09cb cf"); // DS of the frame and DS now, into EBX; iret
      g.run();
      assertEquals(0x55, g.exitValue);
      assertEquals(0x1234, g.cpu.regs[RBX], "DS as it was in the frame, and null in the handler");
      assertTrue(g.cpu.virtual8086());
      assertEquals(0x1234, g.cpu.segSelector[DecodeContext.DS]);
      assertEquals(0x12340, g.cpu.segBase[DecodeContext.DS]);
      assertEquals(3, g.cpu.cpl);
      assertFalse(g.cpu.longMode());
    }
  }
}
