package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.memory.PageSet;
import org.junit.jupiter.api.Test;

class PagingTest {
  // pop %rax (error code); mov (%rsp),%rbx (RIP); mov %cr2,%rcx; out %al,$0xf4
  private static final String REPORT = "58 488b1c24 0f20d1 e6f4";
  private static final long HANDLER = 0x11000;
  private static final int PAGE_FAULT = 14;

  private static Guest guest(String code) {
    Guest g = Guest.longMode(code);
    g.code(HANDLER, REPORT);
    g.gate(PAGE_FAULT, HANDLER, 14, 0, 0);
    return g;
  }

  private static void expectFault(Guest g, int errorCode, long rip, long address) {
    g.run();
    assertEquals(errorCode, g.cpu.regs[0], "error code");
    assertEquals(rip, g.cpu.regs[3], "faulting RIP");
    assertEquals(address, g.cpu.regs[1], "CR2");
  }

  @Test
  void storeAcrossIntoAMissingPageFaultsAndWritesNothing() {
    // mov $0x1122334455667788,%rax; mov $0x1ffffc,%edi; mov %rax,(%rdi)
    try (Guest g = guest("48b88877665544332211 bffcff1f00 488907")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.PD + 8, 0);
      g.memory.write32(0x1FFFFC, 0x5A5A5A5A);
      expectFault(g, 2, Guest.CODE + 15, 0x200000);
      assertEquals(0x5A5A5A5A, g.memory.read32(0x1FFFFC));
    }
  }

  @Test
  void storeAndLoadAcrossTwoScatteredPagesArePutTogether() {
    // mov %rax,(%rdi); mov (%rdi),%rbx; out
    try (Guest g = guest("488907 488b1f e6f4")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.entryOf(0x100000), 0x150000 | 0x63);
      g.memory.write64(Guest.entryOf(0x101000), 0x130000 | 0x63);
      g.cpu.regs[0] = 0x1122334455667788L;
      g.cpu.regs[7] = 0x100FFD;
      g.run();
      assertEquals(0x1122334455667788L, g.cpu.regs[3]);
      assertEquals(0x667788, g.memory.read32(0x150FFC) >>> 8);
      assertEquals(0x1122334455L, g.memory.read64(0x130000) & 0xFF_FFFF_FFFFL);
    }
  }

  @Test
  void accessedAndDirtyBitsFollowUseAndDirtyTheTablesPage() {
    // mov (%rdi),%rax; mov %rax,(%rsi); out
    try (Guest g = guest("488b07 488906 e6f4")) {
      g.smallPages(3);
      g.cpu.regs[7] = 0x100000;
      g.cpu.regs[6] = 0x101000;
      PageSet written = new PageSet(g.memory.framePages());
      g.memory.dirty().harvest(written);
      written = new PageSet(g.memory.framePages());
      g.run();
      g.memory.dirty().harvest(written);
      assertEquals(0x23, g.memory.read64(Guest.entryOf(0x100000)) & 0xFFF, "read");
      assertEquals(0x63, g.memory.read64(Guest.entryOf(0x101000)) & 0xFFF, "written");
      assertEquals(0x03, g.memory.read64(Guest.entryOf(0x102000)) & 0xFFF, "untouched");
      assertTrue((g.memory.read64(Guest.PML4) & 0x20) != 0, "upper levels are accessed");
      assertTrue(written.contains(Guest.PT >> 12), "the table's page");
      assertTrue(written.contains(0x101), "the stored page");
      assertFalse(written.contains(0x100), "the loaded page");
    }
  }

  @Test
  void firstStoreAfterALoadStillSetsTheDirtyBit() {
    // mov (%rdi),%rax; mov %rax,(%rdi); out
    try (Guest g = guest("488b07 488907 e6f4")) {
      g.smallPages(3);
      g.cpu.regs[7] = 0x100000;
      g.run();
      assertEquals(0x63, g.memory.read64(Guest.entryOf(0x100000)) & 0xFFF);
    }
  }

  @Test
  void writeProtectHoldsForTheSupervisorOnlyWithWp() {
    // mov %rax,(%rdi); out
    try (Guest g = guest("488907 e6f4")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.entryOf(0x100000), 0x100061);
      g.cpu.regs[7] = 0x100008;
      expectFault(g, 3, Guest.CODE, 0x100008);
    }
    try (Guest g = guest("488907 e6f4")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.entryOf(0x100000), 0x100061);
      g.cpu.cr0 &= ~Cr.WP;
      g.cpu.regs[0] = 77;
      g.cpu.regs[7] = 0x100008;
      g.run();
      assertEquals(77, g.memory.read64(0x100008));
    }
  }

  @Test
  void noExecutePagesFaultOnFetchWithTheFetchBit() {
    // jmp *%rdi
    try (Guest g = guest("ffe7")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.entryOf(0x100000), 0x100063 | 1L << 63);
      g.cpu.regs[7] = 0x100000;
      expectFault(g, 0x11, 0x100000, 0x100000);
    }
  }

  @Test
  void reservedBitsInAnEntryFault() {
    try (Guest g = guest("488907 e6f4")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.entryOf(0x100000), 0x100063 | 1L << 50);
      g.cpu.regs[7] = 0x100000;
      expectFault(g, 0xB, Guest.CODE, 0x100000);
    }
  }

  @Test
  void instructionAcrossPagesFaultsOnTheSecondPage() {
    // jmp *%rdi
    try (Guest g = guest("ffe7")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.entryOf(0x101000), 0);
      g.code(0x100FFD, "48b888");
      g.cpu.regs[7] = 0x100FFD;
      expectFault(g, 0x10, 0x100FFD, 0x101000);
    }
  }

  @Test
  void instructionAcrossPagesIsDecodedAnewWhenItsSecondPageIsRemapped() {
    // loop: call *%rdi; mov %rax,%r8 ; mov %rsi,(%rdx); invlpg (%rbp); call *%rdi; out
    try (Guest g = guest("ffd7 4989c0 488932 0f017d00 ffd7 e6f4")) {
      g.smallPages(0x63);
      g.code(0x100FFD, "b81122"); // mov $imm32,%eax
      g.code(0x101000, "3344c3"); // ... ret
      g.code(0x102000, "7788c3");
      g.cpu.regs[7] = 0x100FFD;
      g.cpu.regs[2] = Guest.entryOf(0x101000);
      g.cpu.regs[6] = 0x102063;
      g.cpu.regs[5] = 0x101000;
      g.run();
      assertEquals(0x44332211, g.cpu.regs[8]);
      assertEquals(0x88772211L, g.cpu.regs[0]);
    }
  }

  @Test
  void staleTranslationsLiveUntilInvlpg() {
    // mov (%rdi),%rax; mov %rsi,(%rdx); mov (%rdi),%rbx; invlpg (%rdi); mov (%rdi),%rcx; out
    try (Guest g = guest("488b07 488932 488b1f 0f013f 488b0f e6f4")) {
      g.smallPages(0x63);
      g.memory.write64(0x100000, 1);
      g.memory.write64(0x110000, 2);
      g.cpu.regs[7] = 0x100000;
      g.cpu.regs[2] = Guest.entryOf(0x100000);
      g.cpu.regs[6] = 0x110063;
      g.run();
      assertEquals(1, g.cpu.regs[0]);
      assertEquals(2, g.cpu.regs[1]);
    }
  }

  @Test
  void loadingCr3KeepsGlobalTranslationsAndDropsOthers() {
    // mov (%rdi),%rax; mov (%rsi),%rax; mov %r8,(%rdx); mov %r9,(%rcx); mov %cr3,%rax; mov
    // %rax,%cr3;
    // mov (%rdi),%r10; mov (%rsi),%r11; out
    try (Guest g = guest("488b07 488b06 4c8902 4c8909 0f20d8 0f22d8 4c8b17 4c8b1e e6f4")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.entryOf(0x100000), 0x100163);
      g.memory.write64(0x100000, 1);
      g.memory.write64(0x110000, 2);
      g.memory.write64(0x101000, 3);
      g.cpu.regs[7] = 0x100000;
      g.cpu.regs[6] = 0x101000;
      g.cpu.regs[2] = Guest.entryOf(0x100000);
      g.cpu.regs[1] = Guest.entryOf(0x101000);
      g.cpu.regs[8] = 0x110163;
      g.cpu.regs[9] = 0x110063;
      g.run();
      assertEquals(1, g.cpu.regs[10], "global");
      assertEquals(2, g.cpu.regs[11], "local");
    }
  }

  @Test
  void noncanonicalAddressesRaiseGeneralProtectionOrStackFault() {
    // mov $0x800000000000,%rax; mov (%rax),%rbx
    try (Guest g = guest("48b80000000000800000 488b18")) {
      g.gate(GuestFault.GP, HANDLER, 14, 0, 0);
      g.run();
      assertEquals(Guest.CODE + 10, g.cpu.regs[3]);
    }
    // push %rax, with RSP just above the hole; the handler has a stack of its own
    try (Guest g = guest("50")) {
      g.gate(GuestFault.SS, HANDLER, 14, 0, 1);
      g.memory.write64(Guest.TSS + 0x24, Guest.STACK);
      g.cpu.regs[4] = 0x800000000008L;
      g.run();
      assertEquals(Guest.CODE, g.cpu.regs[3]);
    }
  }

  @Test
  void oneGibibytePagesTranslate() {
    // mov (%rdi),%rax; out
    try (Guest g = guest("488b07 e6f4")) {
      g.memory.write64(Guest.PDPT + 8, 0x83);
      g.memory.write64(0x123450, 0xABCD);
      g.cpu.regs[7] = 0x4012_3450;
      g.run();
      assertEquals(0xABCD, g.cpu.regs[0]);
    }
  }

  @Test
  void apicPageReachesTheLocalApic() {
    // mov %eax,(%rdi); mov 0x10(%rdi),%ebx; out
    try (Guest g = guest("8907 8b5f10 e6f4")) {
      g.memory.write64(Guest.PDPT + 24, Guest.PD | 3);
      g.memory.write64(Guest.PD + 8 * (0xFEE0_0000L >> 21 & 511), 0xFEE0_0083L);
      g.apic.registers[4] = 0x5678;
      g.cpu.regs[0] = 0x1234;
      g.cpu.regs[7] = 0xFEE0_0000L;
      g.run();
      assertEquals(0x1234, g.apic.registers[0]);
      assertEquals(0x5678, g.cpu.regs[3]);
    }
  }

  @Test
  void bulkStoresCrossPagesAndDirtyEachOfThem() {
    // mov $0x200800,%edi; mov $0x1800,%ecx; mov $0xaa,%al; cld; rep stosb; out
    try (Guest g = guest("bf00082000 b900180000 b0aa fc f3aa e6f4")) {
      PageSet written = new PageSet(g.memory.framePages());
      g.memory.dirty().harvest(written);
      written = new PageSet(g.memory.framePages());
      g.run();
      g.memory.dirty().harvest(written);
      assertTrue(written.contains(0x200) && written.contains(0x201) && !written.contains(0x202));
      assertEquals(0xAA, g.memory.read8(0x201FFF));
      assertEquals(0, g.memory.read8(0x202000));
      assertEquals(0x202000, g.cpu.regs[7]);
    }
  }
}
