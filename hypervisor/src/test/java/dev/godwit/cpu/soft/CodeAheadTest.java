package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.cpu.CodeHint;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class CodeAheadTest {
  /**
   * mov $100,%ecx; 1: call *%rdi; dec %ecx; jnz 1b; out; what is called, at 100000h: inc %ebx; ret.
   */
  private static final String CALLER = "b964000000 ffd7 ffc9 75fa e6f4";

  private static final long CALLED = 0x100000;
  private static final long LOOP_END = Guest.CODE + 7;
  private static final long END = Guest.CODE + 11;

  private static Guest caller() {
    Guest g = Guest.longMode(CALLER);
    g.code(CALLED, "ffc3 c3");
    g.cpu.regs[7] = CALLED;
    return g;
  }

  /** Asks, and runs from the last instructions on: they come after the answer. */
  private static Set<CodeHint> recent(Guest g, int most) {
    List<CodeHint> found = new ArrayList<>();
    g.vcpu.askForRecentCode(most, found::addAll);
    g.cpu.rip = END;
    g.run();
    return Set.copyOf(found);
  }

  private static CodeHint at(long rip) {
    return new CodeHint(rip, rip >>> 12, false);
  }

  private static byte[] page(Guest g, long gfn) {
    byte[] page = new byte[4096];
    g.memory.copyOut(gfn << 12, MemorySegment.ofArray(page));
    return page;
  }

  private static void decodeAhead(Guest g, Collection<CodeHint> hints) {
    for (CodeHint hint : hints) {
      g.vcpu.decodeAhead(hint.gfn(), page(g, hint.gfn()), List.copyOf(hints));
    }
  }

  private static Set<CodeHint> hints() {
    try (Guest g = caller()) {
      g.run();
      return recent(g, 100);
    }
  }

  @Test
  void whatWasExecutedIsListed() {
    assertEquals(
        Set.of(at(Guest.CODE), at(Guest.CODE + 5), at(LOOP_END), at(END), at(CALLED)), hints());
  }

  @Test
  void whatWasNotExecutedSinceTheLastQuestionIsNotListed() {
    try (Guest g = caller()) {
      g.run();
      recent(g, 100);
      assertEquals(Set.of(at(END)), recent(g, 100));
    }
  }

  @Test
  void whatWasExecutedMostOftenIsListedIfThereIsMore() {
    try (Guest g = caller()) {
      g.run();
      assertEquals(Set.of(at(LOOP_END), at(CALLED)), recent(g, 2));
    }
  }

  @Test
  void codeThatWasDecodedAheadIsNotDecodedAgain() {
    Set<CodeHint> hints = hints();
    try (Guest g = caller()) {
      decodeAhead(g, hints);
      g.run();
      assertEquals(100, g.cpu.regs[3]);
      assertEquals(0, g.cpu.blocks.decoded());
    }
  }

  @Test
  void aPageThatChangedSinceIsExecutedAsItIs() {
    Set<CodeHint> hints = hints();
    try (Guest g = caller()) {
      decodeAhead(g, hints);
      g.code(CALLED, "ffcb c3"); // dec %ebx; ret
      g.run();
      assertEquals(-100, (int) g.cpu.regs[3]);
      assertEquals(1, g.cpu.blocks.decoded());
    }
  }

  @Test
  void aPageThatIsDecodedAgainIsTheLaterOne() {
    Set<CodeHint> hints = hints();
    try (Guest g = caller()) {
      decodeAhead(g, hints);
      g.code(CALLED, "ffcb c3");
      decodeAhead(g, hints);
      g.run();
      assertEquals(-100, (int) g.cpu.regs[3]);
      assertEquals(0, g.cpu.blocks.decoded());
    }
  }

  @Test
  void storesToCodeThatWasDecodedAheadAreSeen() {
    // As in CodeChangeTest: a loop that rewrites itself each time.
    String code = "b964000000 880d01000000 b000 0fb6c0 01c3 ffc9 75ef e6f4";
    long gfn = Guest.CODE >>> 12;
    try (Guest g = Guest.longMode(code)) {
      List<CodeHint> hints =
          List.of(new CodeHint(Guest.CODE, gfn, false), new CodeHint(Guest.CODE + 5, gfn, false));
      decodeAhead(g, hints);
      g.run();
      assertEquals(5050, g.cpu.regs[3]);
    }
  }

  @Test
  void wrongHintsDoNoHarm() {
    List<CodeHint> hints = new ArrayList<>(hints());
    for (long offset = 0; offset < 4096; offset++) {
      hints.add(new CodeHint(Guest.CODE + offset, Guest.CODE >>> 12, (offset & 1) != 0));
      hints.add(new CodeHint(0xFFFF_8000_0000_0000L + offset, Guest.CODE >>> 12, false));
      hints.add(new CodeHint(0x1234_0000_0000_0000L + offset, CALLED >>> 12, true));
      hints.add(new CodeHint(offset, -1L >>> 12, true));
    }
    try (Guest g = caller()) {
      g.vcpu.decodeAhead(Guest.CODE >>> 12, page(g, Guest.CODE >>> 12), hints);
      g.vcpu.decodeAhead(CALLED >>> 12, page(g, CALLED >>> 12), hints);
      g.run();
      assertEquals(100, g.cpu.regs[3]);
    }
  }
}
