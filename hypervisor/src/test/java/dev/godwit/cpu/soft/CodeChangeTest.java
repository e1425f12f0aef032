package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class CodeChangeTest {
  @Test
  void storeIntoTheRunningBlockIsSeenByTheNextInstruction() {
    // movb $0x42,1f+1(%rip); 1: mov $0x11,%al; out
    try (Guest g = Guest.longMode("c6050100000042 b011 e6f4")) {
      g.run();
      assertEquals(0x42, g.exitValue);
    }
  }

  @Test
  void loopThatRewritesItselfEachTimeSeesEveryVersion() {
    // mov $100,%ecx; 1: mov %cl,2f+1(%rip); 2: mov $0,%al; movzbl %al,%eax; add %eax,%ebx; dec
    // %ecx; jnz 1b; out
    try (Guest g = Guest.longMode("b964000000 880d01000000 b000 0fb6c0 01c3 ffc9 75ef e6f4")) {
      g.run();
      assertEquals(5050, g.cpu.regs[3]);
    }
  }

  @Test
  void storeThroughAnotherMappingOfACodePageIsSeen() {
    // call *%rdi; mov %rax,%rbx; movb $7,1(%rsi); call *%rdi; out
    try (Guest g = Guest.longMode("ffd7 4889c3 c6460107 ffd7 e6f4")) {
      g.smallPages(0x63);
      g.memory.write64(Guest.entryOf(0x110000), 0x100063);
      g.code(0x100000, "b805000000 c3"); // mov $5,%eax; ret
      g.cpu.regs[7] = 0x100000;
      g.cpu.regs[6] = 0x110000;
      g.run();
      assertEquals(5, g.cpu.regs[3]);
      assertEquals(7, g.cpu.regs[0]);
    }
  }

  @Test
  void bulkStoreOverCodeIsSeen() {
    // call *%rdx; mov %eax,%ebx; mov %rdx,%rdi; mov %r8,%rsi; mov $6,%ecx; rep movsb; call *%rdx;
    // out
    try (Guest g = Guest.longMode("ffd2 89c3 4889d7 4c89c6 b906000000 f3a4 ffd2 e6f4")) {
      g.code(0x100000, "b805000000 c3");
      g.code(0x200000, "b809000000 c3");
      g.cpu.regs[2] = 0x100000;
      g.cpu.regs[8] = 0x200000;
      g.run();
      assertEquals(5, g.cpu.regs[3]);
      assertEquals(9, g.cpu.regs[0]);
    }
  }

  @Test
  void deviceWriteIntoCodeIsSeen() {
    // 1: mov $1,%eax; cmp $2,%eax; jne 1b; out
    try (Guest g = Guest.longMode("b801000000 83f802 75f6 e6f4")) {
      Thread device =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (g.cpu.retired < 100_000) {
                      Thread.onSpinWait();
                    }
                    g.memory.write8(Guest.CODE + 1, 2);
                  });
      g.run();
      assertEquals(2, g.exitValue);
      assertEquals(false, device.isInterrupted());
    }
  }

  @Test
  void dataInACodePageIsWrittenWithoutLosingDirtyMarks() {
    // mov $1000,%ecx; 1: incq 0x800(%rdi); dec %ecx; jnz 1b; out
    try (Guest g = Guest.longMode("b9e8030000 48ff8700080000 ffc9 75f5 e6f4")) {
      g.cpu.regs[7] = Guest.CODE;
      g.run();
      assertEquals(1000, g.memory.read64(Guest.CODE + 0x800));
    }
  }

  @Test
  void anotherVcpuThatCouldWriteThePageBeforeItWasCodeIsSeenWritingItAfter() throws Exception {
    // 1: mov $1,%eax; cmp $2,%eax; jne 1b; out
    try (Guest g = Guest.longMode("b801000000 83f802 75f6 e6f4")) {
      SoftVcpu second = g.secondVcpu(0x20000);
      second.cpu().regs[7] = Guest.CODE;
      // mov $3000000,%ecx; 1: mov %al,0x800(%rdi); dec %ecx; jnz 1b; movb $2,1(%rdi); hlt
      g.code(0x20000, "b9c0c62d00 888700080000 ffc9 75f6 c6470102 f4");
      Thread writer = Thread.ofPlatform().start(second::run);
      while (second.cpu().retired < 1000) {
        Thread.onSpinWait();
      }
      g.run();
      second.requestExit();
      writer.join();
      assertEquals(2, g.exitValue);
    }
  }
}
