package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.VcpuState.Activity;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ModesTest {
  @Test
  void realModeGoesToLongModeByTheBook() {
    try (Guest g = new Guest()) {
      g.code(0x500, "1f00 00060000"); // GDTR: limit, base 600h
      g.memory.write64(0x608, 0x00CF_9B00_0000_FFFFL);
      g.memory.write64(0x610, 0x00CF_9300_0000_FFFFL);
      g.memory.write64(0x618, 0x00AF_9B00_0000_FFFFL);
      g.memory.write64(Guest.PML4, Guest.PDPT | 3);
      g.memory.write64(Guest.PDPT, 0x83);
      // cli; lgdtl 0x500; set CR0.PE; ljmpl $8,$0x7d00
      g.code(0x7C00, "fa 660f01160005 0f20c0 0c01 0f22c0 66ea007d00000800");
      // DS, SS, ESP; CR4.PAE; CR3; EFER.LME; CR0.PG; ljmp $0x18,$0x7e00
      g.code(
          0x7D00,
          """
          b810000000 8ed8 8ed0 bc00700000 0f20e0 83c820 0f22e0 b800100000 0f22d8
          b9800000c0 0f32 0d00010000 0f30 0f20c0 0d00000080 0f22c0 ea007e00001800
          """);
      // mov $0x1122334455667788,%rax; push %rax; pop %rbx; out
      g.code(0x7E00, "48b88877665544332211 50 5b e6f4");
      g.cpu.segments.loadReal(DecodeContext.CS, 0);
      g.cpu.rip = 0x7C00;
      g.run();
      assertEquals(0x1122334455667788L, g.cpu.regs[3]);
      assertEquals(64, g.cpu.codeBits);
      assertTrue((g.cpu.efer & Cr.LMA) != 0);
    }
  }

  @Test
  void realModeInterruptsGoThroughTheVectorTable() {
    try (Guest g = new Guest()) {
      g.memory.write32(4 * 0x21, 0x0100_0020); // 0100:0020
      g.code(0x7C00, "cd21 e6f4"); // int $0x21; out
      g.code(0x1020, "b0 77 cf"); // mov $0x77,%al; iret
      g.cpu.segments.loadReal(DecodeContext.CS, 0);
      g.cpu.segments.loadReal(DecodeContext.SS, 0);
      g.cpu.regs[4] = 0x7000;
      g.cpu.rip = 0x7C00;
      g.run();
      assertEquals(0x77, g.exitValue);
      assertEquals(0x7000, g.cpu.regs[4]);
    }
  }

  @Test
  void protectedModeChecksLimitsAndTypes() {
    try (Guest g = protectedMode("8b07 e6f4")) { // mov (%edi),%eax
      g.cpu.segments.set(DecodeContext.DS, 0x10, 0x100000, 0xFFF, 0xC093 & ~Segments.G);
      g.memory.write64(
          0x9000 + 8 * GuestFault.GP, 0x0000_8E00_0008_0000L | 0x11000 & 0xFFFF | 1L << 48);
      g.code(0x11000, "58 5b e6f4"); // pop %eax; pop %ebx; out
      g.cpu.regs[7] = 0xFFD;
      g.run();
      assertEquals(0, g.cpu.regs[0]);
      assertEquals(Guest.CODE, g.cpu.regs[3]);
    }
    try (Guest g = protectedMode("8b07 e6f4")) {
      g.cpu.segments.set(DecodeContext.DS, 0x10, 0x100000, 0xFFF, 0xC093 & ~Segments.G);
      g.memory.write32(0x100FFC, 0x1234);
      g.cpu.regs[7] = 0xFFC;
      g.run();
      assertEquals(0x1234, g.cpu.regs[0]);
    }
  }

  private static Guest protectedMode(String hex) {
    Guest g = new Guest();
    SoftCpu c = g.cpu;
    c.cr0 = Cr.PE | Cr.ET;
    c.gdtBase = Guest.GDT;
    c.gdtLimit = 0x17;
    g.memory.write64(Guest.GDT + 8, 0x00CF_9B00_0000_FFFFL);
    g.memory.write64(Guest.GDT + 16, 0x00CF_9300_0000_FFFFL);
    c.idtBase = Guest.IDT;
    c.idtLimit = 0x7FF;
    c.segments.load(DecodeContext.CS, 8, g.memory.read64(Guest.GDT + 8));
    for (int seg : new int[] {DecodeContext.ES, DecodeContext.SS, DecodeContext.DS}) {
      c.segments.load(seg, 16, g.memory.read64(Guest.GDT + 16));
    }
    c.mmu.flushAll();
    c.regs[4] = Guest.STACK;
    c.rip = Guest.CODE;
    g.code(Guest.CODE, hex);
    return g;
  }

  @Test
  void pagingWith32BitEntriesTranslatesAndSetsBits() {
    try (Guest g = protectedMode("8907 e6f4")) { // mov %eax,(%edi)
      g.memory.write32(0x1000, 0x2003); // first 4 MiB by a table
      g.memory.write32(0x1004, 0x0000_0083); // the next by a large page on the same RAM
      for (int i = 0; i < 1024; i++) {
        g.memory.write32(0x2000 + 4L * i, i << 12 | 3);
      }
      g.cpu.cr3 = 0x1000;
      g.cpu.cr4 = Cr.PSE;
      g.cpu.cr0 |= Cr.PG;
      g.cpu.mmu.flushAll();
      g.cpu.regs[0] = 0x55AA;
      g.cpu.regs[7] = 0x0050_0000;
      g.run();
      assertEquals(0x55AA, g.memory.read32(0x100000));
      assertEquals(0xE3, g.memory.read32(0x1004), "accessed and dirty");
      assertEquals(0x23, g.memory.read32(0x2000 + 4 * (Guest.CODE >> 12)) & 0xFFF);
    }
  }

  @Test
  void pagingWithPaeEntriesTranslates() {
    try (Guest g = protectedMode("8907 e6f4")) {
      g.memory.write64(0x1000, 0x2001);
      for (int i = 0; i < 512; i++) {
        g.memory.write64(0x2000 + 8L * i, (long) (i & 3) << 21 | 0x83);
      }
      g.cpu.cr3 = 0x1000;
      g.cpu.cr4 = Cr.PAE;
      g.cpu.cr0 |= Cr.PG;
      assertTrue(g.cpu.mmu.walk.loadPdptes(0x1000));
      g.cpu.mmu.flushAll();
      g.cpu.regs[0] = 0x55AA;
      g.cpu.regs[7] = 0x0090_0000;
      g.run();
      assertEquals(0x55AA, g.memory.read32(0x100000));
    }
  }

  @Test
  void initAndSipiStartAnotherProcessorInRealMode() {
    try (Guest g = Guest.longMode("ebfe")) {
      g.code(0x5000, "8cc8 e6f4"); // mov %cs,%ax; out
      g.cpu.activity = Activity.WAIT_FOR_SIPI;
      g.apic.events.add(new ApicEvent.Sipi(5));
      g.cpu.reset();
      g.cpu.activity = Activity.WAIT_FOR_SIPI;
      g.run();
      assertEquals(0x500, g.cpu.regs[0] & 0xFFFF);
      assertEquals(16, g.cpu.codeBits);
    }
  }

  @Test
  void unknownMsrRaisesGeneralProtection() {
    try (Guest g = Guest.longMode("0f32")) { // rdmsr
      g.gate(GuestFault.GP, 0x11000, 14, 0, 0);
      g.code(0x11000, "58 5b e6f4");
      g.cpu.regs[1] = 0x1234;
      g.run();
      assertEquals(0, g.cpu.regs[0]);
      assertEquals(Guest.CODE, g.cpu.regs[3]);
    }
  }
}
