package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.bus.MmioHandler;
import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuState;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a translated region must not do differently from its blocks. */
@Timeout(30)
class TranslatorTest {
  private static final Translator.Mode USUAL = Guest.translation;

  @AfterEach
  void asBefore() {
    Guest.translation = USUAL;
  }

  /** A guest that is thoroughly translated from the start. */
  private static Guest translated(String hex) {
    Guest.translation = Translator.Mode.ALWAYS;
    return Guest.longMode(hex);
  }

  /**
   * Runs code in both tiers and compares all that it leaves; returns the translated guest's state.
   */
  private static VcpuState same(String hex, Consumer<Guest> setUp) {
    Guest.translation = Translator.Mode.OFF;
    try (Guest interpreted = Guest.longMode(hex);
        Guest translated = translated(hex)) {
      setUp.accept(interpreted);
      setUp.accept(translated);
      interpreted.run();
      translated.run();
      assertArrayEquals(interpreted.cpu.regs, translated.cpu.regs);
      assertEquals(interpreted.cpu.rflags(), translated.cpu.rflags());
      assertEquals(interpreted.cpu.rip, translated.cpu.rip);
      assertEquals(interpreted.cpu.cr2, translated.cpu.cr2);
      assertEquals(interpreted.cpu.retired, translated.cpu.retired);
      assertEquals(
          -1L, interpreted.memory.view(0, 16 << 20).mismatch(translated.memory.view(0, 16 << 20)));
      return translated.vcpu.save();
    }
  }

  @Test
  void faultInTheMiddleOfALoopFindsTheStateOfThatInstruction() {
    // mov $4096,%ecx; 1: mov (%rdi),%rax; add %rax,%rbx; lea 3(%rbx),%r9; cmp %rbx,%rsi;
    // mov %rbx,(%rdi); add $8,%rdi; inc %rdx; dec %ecx; jnz 1b; out
    String loop = "b900100000 488b07 4801c3 4c8d4b03 4839de 48891f 4883c708 48ffc2 ffc9 75e5 e6f4";
    for (boolean write : new boolean[] {false, true}) {
      VcpuState state =
          same(
              loop,
              g -> {
                g.smallPages(0x63);
                // The third page cannot be read, or not be written.
                g.memory.write64(Guest.entryOf(0x102000), write ? 0x102061 : 0);
                g.cpu.regs[7] = 0x100000;
                g.cpu.regs[2] = 0;
                g.cpu.regs[6] = 99;
                g.gate(GuestFault.PF, 0x11000, 14, 0, 0);
                g.code(0x11000, "415a 415b e6f4"); // pop %r10; pop %r11; out
              });
      assertEquals(Guest.CODE + (write ? 18 : 5), state.gpr()[11], "RIP of the fault");
      assertEquals(1024, state.gpr()[2]);
      assertEquals(0x102000, state.gpr()[7]);
    }
  }

  @Test
  void exitIsTakenFromALoopThatNeverLeavesItsRegion() throws Exception {
    // 1: add $1,%rax; xor %rax,%rbx; jmp 1b
    try (Guest g = translated("4883c001 4831c3 ebf7")) {
      Thread other =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (g.cpu.retired < 1_000_000) {
                      Thread.onSpinWait();
                    }
                    g.vcpu.requestExit();
                  });
      assertEquals(Vcpu.Exit.REQUESTED, g.run());
      other.join();
      assertEquals(1, g.cpu.translator.regions());
      assertEquals(g.cpu.retired / 3, g.cpu.regs[0]);
    }
  }

  @Test
  void accessesAcrossPagesAreTheSame() {
    // mov $100,%ecx; 1: add %rcx,%rax; mov %rax,0xffc(%rdi); mov 0xffc(%rdi),%rdx; add %rdx,%rbx;
    // addq $5,0xffd(%rdi); dec %ecx; jnz 1b; out
    same(
        "b964000000 4801c8 488987fc0f0000 488b97fc0f0000 4801d3 488387fd0f000005 ffc9 75e0 e6f4",
        g -> {
          g.smallPages(0x63);
          g.memory.write64(Guest.entryOf(0x100000), 0x150000 | 0x63);
          g.memory.write64(Guest.entryOf(0x101000), 0x130000 | 0x63);
          g.cpu.regs[7] = 0x100000;
        });
  }

  @Test
  void deviceMemoryIsReadAndWrittenAsOftenAsByTheInterpreter() {
    List<List<Long>> logs = new ArrayList<>();
    // mov $10,%ecx; 1: mov (%rdi),%eax; add %rax,%rbx; mov %ecx,(%rdi); addl $1,(%rdi); dec %ecx;
    // jnz 1b; out
    same(
        "b90a000000 8b07 4801c3 890f 830701 ffc9 75f2 e6f4",
        g -> {
          List<Long> log = new ArrayList<>();
          logs.add(log);
          g.mmio.map(
              0x2000_0000,
              0x1000,
              "test",
              new MmioHandler() {
                @Override
                public long readMmio(long gpa, int sizeBytes) {
                  log.add(-gpa);
                  return log.size();
                }

                @Override
                public void writeMmio(long gpa, int sizeBytes, long value) {
                  log.add(value);
                }
              });
          g.cpu.regs[7] = 0x2000_0000;
        });
    assertEquals(40, logs.getFirst().size());
    assertEquals(logs.get(0), logs.get(1));
  }

  @Test
  void newTranslationOfACodePageIsSeenAfterItsInvalidation() {
    // mov $200,%ecx; 1: call *%rsi; add %rax,%rbx; cmp $100,%ecx; jne 2f; mov %r8,(%r9);
    // invlpg (%rsi); 2: dec %ecx; jnz 1b; out
    VcpuState state =
        same(
            "b9c8000000 ffd6 4801c3 83f964 7506 4d8901 0f013e ffc9 75ec e6f4",
            g -> {
              g.smallPages(0x63);
              g.code(0x100000, "b801000000 c3"); // mov $1,%eax; ret
              g.code(0x130000, "b805000000 c3"); // mov $5,%eax; ret
              g.cpu.regs[6] = 0x100000;
              g.cpu.regs[8] = 0x130063;
              g.cpu.regs[9] = Guest.entryOf(0x100000);
            });
    assertEquals(101 + 99 * 5, state.gpr()[3]);
  }

  @Test
  void hotLoopIsTranslatedByTheWorkerWhileItRuns() {
    Guest.translation = Translator.Mode.ON;
    // mov $50000000,%ecx; 1: add %rcx,%rax; dec %ecx; jnz 1b; out
    try (Guest g = Guest.longMode("b980f0fa02 4801c8 ffc9 75f9 e6f4")) {
      g.run();
      assertEquals(50_000_000L * 50_000_001L / 2, g.cpu.regs[0]);
      assertTrue(g.cpu.translator.regions() > 0);
    }
  }

  @Test
  void nothingIsTranslatedWhenItIsOff() {
    Guest.translation = Translator.Mode.OFF;
    try (Guest g = Guest.longMode("b940420f00 4801c8 ffc9 75f9 e6f4")) {
      g.run();
      assertEquals(0, g.cpu.translator.regions());
    }
  }
}
