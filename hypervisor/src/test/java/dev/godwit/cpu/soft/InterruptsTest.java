package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.Vcpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class InterruptsTest {
  private static final long HANDLER = 0x11000;

  /**
   * Enters user mode at 12000h with SYSCALL going to 11000h: WRMSR of STAR, LSTAR, FMASK; IRETQ.
   */
  private static final String ENTER_USER =
      """
      b9810000c0 ba08001800 31c0 0f30 b9820000c0 b800100100 31d2 0f30
      b9840000c0 b800020000 0f30 6a1b 6800000700 6802020000 6a23 6800200100 48cf
      """;

  private static void userPages(Guest g) {
    g.smallPages(0x67);
    g.memory.write64(Guest.PD, Guest.PT | 7);
  }

  @Test
  void iretEntersUserModeAndSyscallComesBack() {
    try (Guest g = Guest.longMode(ENTER_USER)) {
      userPages(g);
      g.code(0x12000, "41bf34120000 0f05 0f0b"); // mov $0x1234,%r15d; syscall; ud2
      // pushf; pop %r14; mov %ss,%r13d; mov %cs,%r12d; mov %rsp,%r10; out
      g.code(HANDLER, "9c 415e 418cd5 418ccc 4989e2 e6f4");
      g.run();
      assertEquals(0x1234, g.cpu.regs[15]);
      assertEquals(0x12008, g.cpu.regs[1], "RCX: return address");
      assertEquals(0x202, g.cpu.regs[11], "R11: flags");
      assertEquals(0x2, g.cpu.regs[14], "IF is masked");
      assertEquals(Guest.KERNEL_CS, g.cpu.regs[12]);
      assertEquals(Guest.KERNEL_SS, g.cpu.regs[13]);
      assertEquals(0x70000, g.cpu.regs[10], "RSP stays the user's");
    }
  }

  @Test
  void returnToUserModeKeepsTheBaseOfANullSegmentAndDropsAKernelsSegment() {
    try (Guest g = Guest.longMode(ENTER_USER)) {
      userPages(g);
      g.cpu.segments.set(DecodeContext.FS, 0, 0x12345678, 0, Segments.UNUSABLE);
      g.code(0x12000, "0f05"); // syscall
      g.code(HANDLER, "e6f4");
      g.run();
      assertEquals(0x12345678, g.cpu.segBase[DecodeContext.FS]);
      assertEquals(0, g.cpu.segSelector[DecodeContext.DS]);
    }
  }

  @Test
  void interruptFromUserModeSwitchesToTheTaskStackWithAnExactFrame() {
    try (Guest g = Guest.longMode(ENTER_USER)) {
      userPages(g);
      g.code(0x12000, "ffc3 ebfc"); // 1: inc %ebx; jmp 1b
      g.gate(0x40, HANDLER, 14, 0, 0);
      g.code(HANDLER, "e6f4");
      g.apic.interrupts.add(0x40);
      g.run();
      long sp = Guest.STACK - 0x1000 - 40;
      assertEquals(sp, g.cpu.regs[4]);
      assertTrue(g.memory.read64(sp) >= 0x12000 && g.memory.read64(sp) <= 0x12002);
      assertEquals(Guest.USER_CS, g.memory.read64(sp + 8));
      assertEquals(0x202, g.memory.read64(sp + 16) & ~Flags.ARITHMETIC);
      assertEquals(0x70000, g.memory.read64(sp + 24));
      assertEquals(Guest.USER_SS, g.memory.read64(sp + 32));
      assertEquals(0, g.cpu.segSelector[DecodeContext.SS], "SS is null");
      assertEquals(0, g.cpu.cpl);
      assertEquals(0, g.cpu.flagsRest & Flags.IF);
    }
  }

  @Test
  void gatesWithAnIstEntryUseItsStackWithoutAPrivilegeChange() {
    try (Guest g = Guest.longMode("0f0b")) { // ud2
      g.memory.write64(Guest.TSS + 0x24 + 8, 0x7A008);
      g.gate(GuestFault.UD, HANDLER, 14, 0, 2);
      g.code(HANDLER, "e6f4");
      g.run();
      assertEquals(0x7A000 - 40, g.cpu.regs[4], "aligned to 16, then five words");
      assertEquals(Guest.CODE, g.memory.read64(0x7A000 - 40));
      assertEquals(Guest.STACK, g.memory.read64(0x7A000 - 16));
      assertEquals(Guest.KERNEL_SS, g.cpu.segSelector[DecodeContext.SS]);
      assertTrue((g.memory.read64(0x7A000 - 24) & Flags.RF) != 0, "faults save RF set");
    }
  }

  @Test
  void int3TrapsWithTheNextInstructionAsReturnAddress() {
    try (Guest g = Guest.longMode("cc 90")) {
      g.gate(GuestFault.BP, HANDLER, 15, 3, 0);
      g.code(HANDLER, "5b e6f4"); // pop %rbx; out
      g.run();
      assertEquals(Guest.CODE + 1, g.cpu.regs[3]);
    }
  }

  @Test
  void softwareInterruptThroughAPrivilegedGateIsRefusedWithItsVector() {
    try (Guest g = Guest.longMode(ENTER_USER)) {
      userPages(g);
      g.code(0x12000, "cd50"); // int $0x50
      g.gate(0x50, HANDLER, 14, 0, 0);
      g.gate(GuestFault.GP, HANDLER, 14, 0, 0);
      g.code(HANDLER, "58 5b e6f4"); // pop %rax; pop %rbx; out
      g.run();
      assertEquals(0x50 * 8 + 2, g.cpu.regs[0]);
      assertEquals(0x12000, g.cpu.regs[3]);
    }
  }

  @Test
  void missingGateOfAFaultEscalatesToADoubleFaultAndThenToShutdown() {
    // ud2, with an absent gate: #NP while delivering #UD is no double fault, #GP while delivering
    // #NP is
    try (Guest g = Guest.longMode("0f0b")) {
      g.gate(GuestFault.DF, HANDLER, 14, 0, 0);
      g.code(HANDLER, "58 e6f4"); // pop %rax; out
      g.cpu.regs[0] = -1;
      g.run();
      assertEquals(0, g.cpu.regs[0], "a double fault's error code is zero");
    }
    try (Guest g = Guest.longMode("0f0b")) {
      assertEquals(Vcpu.Exit.SHUTDOWN, g.run());
    }
  }

  @Test
  void haltWaitsForAnInterruptAndGoesOnAfterIt() throws InterruptedException {
    // sti; hlt; inc %ebx; out
    try (Guest g = Guest.longMode("fb f4 ffc3 e6f4")) {
      g.gate(0x41, HANDLER, 14, 0, 0);
      g.code(HANDLER, "41ffc1 48cf"); // inc %r9d; iretq
      Thread device =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      Thread.sleep(100);
                    } catch (InterruptedException e) {
                      return;
                    }
                    g.apic.interrupts.add(0x41);
                    g.vcpu.wake();
                  });
      g.run();
      device.join();
      assertEquals(1, g.cpu.regs[9]);
      assertEquals(1, g.cpu.regs[3]);
    }
  }

  @Test
  void interruptWaitsForTheInstructionAfterSti() {
    // sti; mov $5,%ebx; mov $6,%ecx; 1: jmp 1b
    try (Guest g = Guest.longMode("fb bb05000000 b906000000 ebfe")) {
      g.gate(0x42, HANDLER, 14, 0, 0);
      g.code(HANDLER, "58 e6f4"); // pop %rax; out
      g.apic.interrupts.add(0x42);
      g.run();
      assertEquals(Guest.CODE + 6, g.cpu.regs[0], "after exactly one instruction");
      assertEquals(5, g.cpu.regs[3]);
      assertEquals(0, g.cpu.regs[1]);
    }
  }

  @Test
  void interruptWaitsForTheInstructionAfterMovSs() {
    // sti; nop; mov $0x10,%eax; mov %eax,%ss; mov $1,%ecx; mov $2,%ecx; 1: jmp 1b
    try (Guest g = Guest.longMode("e6f4 8ed0 b901000000 b902000000 ebfe")) {
      g.run();
      g.gate(0x42, HANDLER, 14, 0, 0);
      g.code(HANDLER, "58 e6f4");
      g.cpu.regs[0] = Guest.KERNEL_SS;
      // The interrupt comes while MOV SS executes: between the two it must not be taken.
      g.cpu.flagsRest |= Flags.IF;
      g.cpu.rip = Guest.CODE + 2;
      g.cpu.segments.loadChecked(DecodeContext.SS, Guest.KERNEL_SS);
      g.cpu.interruptShadow = true;
      g.cpu.rip = Guest.CODE + 4;
      g.apic.interrupts.add(0x42);
      g.run();
      assertEquals(Guest.CODE + 9, g.cpu.regs[0]);
      assertEquals(1, g.cpu.regs[1]);
    }
  }

  @Test
  void nmiBlocksFurtherNmisUntilIret() {
    try (Guest g = Guest.longMode("ebfe")) {
      g.gate(GuestFault.NMI, HANDLER, 14, 0, 0);
      g.code(
          HANDLER, "41ffc1 4183f902 7402 48cf e6f4"); // inc %r9d; cmp $2,%r9d; je out; iretq; out
      g.apic.events.add(new ApicEvent.Nmi());
      g.apic.events.add(new ApicEvent.Nmi());
      g.run();
      assertEquals(2, g.cpu.regs[9]);
      assertEquals(Guest.STACK - 40, g.cpu.regs[4], "the second came after the first had returned");
      assertTrue(g.cpu.nmiBlocked);
    }
  }

  @Test
  void singleStepTrapsAfterEachInstruction() {
    // pushf; orl $0x100,(%rsp); popf; nop; inc %eax; inc %eax; out
    try (Guest g = Guest.longMode("9c 810c2400010000 9d 90 ffc0 ffc0 e6f4")) {
      g.gate(GuestFault.DB, HANDLER, 14, 0, 0);
      // inc %r9d; mov (%rsp),%r10; cmp $3,%r9d; jne 1f; out; 1: iretq
      g.code(HANDLER, "41ffc1 4c8b1424 4183f903 7502 e6f4 48cf");
      g.run();
      assertEquals(3, g.cpu.regs[9]);
      assertEquals(Guest.CODE + 14, g.cpu.regs[10], "nop, inc, inc");
      assertTrue((g.cpu.dr[6] & Breakpoints.BS) != 0);
    }
  }

  @Test
  void dataBreakpointTrapsAfterTheStore() {
    // mov %rax,%dr0; mov %rbx,%dr7; mov %ecx,(%rax); nop; nop; out
    try (Guest g = Guest.longMode("0f23c0 0f23fb 8908 90 90 e6f4")) {
      g.gate(GuestFault.DB, HANDLER, 14, 0, 0);
      g.code(HANDLER, "5a e6f4"); // pop %rdx; out
      g.cpu.regs[0] = 0x200010;
      g.cpu.regs[3] = 0x000D_0001; // four bytes, write, local enable of 0
      g.run();
      assertEquals(Guest.CODE + 8, g.cpu.regs[2]);
      assertEquals(1, g.cpu.dr[6] & 0xF);
    }
  }

  @Test
  void exitRequestLeavesAHaltedVcpuHalted() {
    try (Guest g = Guest.longMode("f4")) {
      Thread other =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (g.cpu.retired == 0) {
                      Thread.onSpinWait();
                    }
                    g.vcpu.requestExit();
                  });
      assertEquals(Vcpu.Exit.REQUESTED, g.run());
      assertFalse(other.isInterrupted());
      assertEquals(dev.godwit.cpu.VcpuState.Activity.HALTED, g.vcpu.save().activity());
      assertEquals(Guest.CODE + 1, g.vcpu.save().rip());
    }
  }
}
