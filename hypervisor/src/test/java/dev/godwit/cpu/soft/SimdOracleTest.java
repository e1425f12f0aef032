package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.soft.fpu.FloatSamples;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Every MMX and SSE to SSE4.2 opcode, in each form, leaves the state that the host's CPU leaves.
 */
final class SimdOracleTest {
  private static final int CASES_PER_FORM = 25 * OracleComparison.SCALE;
  private static final int[] PREFIXES = {0, 0x66, 0xF3, 0xF2};

  /** Opcodes followed by an 8-bit immediate. */
  private static final Set<Integer> IMMEDIATE =
      Set.of(0x70, 0x71, 0x72, 0x73, 0xC2, 0xC4, 0xC5, 0xC6);

  /** RSQRT and RCP: compared by error, in SseArithmeticTest. */
  private static final Set<Integer> APPROXIMATE = Set.of(0x52, 0x53);

  /** AMD's SSE4a, which lies between SSE2's opcodes on the host. As prefix, opcode. */
  private static final Set<Integer> SSE4A =
      Set.of(0x66_78, 0xF2_78, 0x66_79, 0xF2_79, 0xF3_2B, 0xF2_2B);

  private static final int EMMS = 0x77;
  private static final int MASKMOV = 0xF7;

  /** An encoding: the map is 0, 38h or 3Ah. */
  private record Form(int prefix, int map, int opcode, boolean memory) {}

  private static List<Form> forms() {
    List<Form> forms = new ArrayList<>();
    for (int opcode = 0; opcode <= 0xFF; opcode++) {
      for (int prefix : PREFIXES) {
        if (isSimd(opcode) && !SSE4A.contains(prefix << 8 | opcode)) {
          forms.add(new Form(prefix, 0, opcode, false));
          forms.add(new Form(prefix, 0, opcode, true));
        }
        if (opcode <= 0x41 || opcode >= 0xF0 && opcode <= 0xF1 && prefix == 0xF2) {
          forms.add(new Form(prefix, 0x38, opcode, false));
          forms.add(new Form(prefix, 0x38, opcode, true));
        }
        if (opcode <= 0x42 || opcode >= 0x60 && opcode <= 0x63) {
          forms.add(new Form(prefix, 0x3A, opcode, false));
          forms.add(new Form(prefix, 0x3A, opcode, true));
        }
      }
    }
    return forms;
  }

  private static boolean isSimd(int opcode) {
    return opcode >= 0x10 && opcode <= 0x17
        || opcode >= 0x28 && opcode <= 0x2F
        || opcode >= 0x50 && opcode <= 0x7F
        || opcode == 0xC2
        || opcode >= 0xC4 && opcode <= 0xC6
        || opcode >= 0xD0 && opcode <= 0xFE;
  }

  private static OracleCase newCase(Form form, FloatCases cases) {
    OracleCase c = cases.random();
    cases.randomX87(c);
    ByteArrayOutputStream code = new ByteArrayOutputStream();
    if (form.prefix != 0) {
      code.write(form.prefix);
    }
    int registers = c.longMode ? 16 : 8;
    int reg = cases.below(registers);
    // RSP, RBX and RDI as destinations are as good as any; the oracle survives it.
    int rm = form.memory ? FloatCases.RBX : cases.below(registers);
    int rex = 0x40 | (cases.below(4) == 0 ? 8 : 0) | reg >> 3 << 2 | rm >> 3;
    if (c.longMode && (rex != 0x40 || cases.below(4) == 0)) {
      code.write(rex);
    }
    code.write(0x0F);
    if (form.map != 0) {
      code.write(form.map);
    }
    code.write(form.opcode);
    if (form.opcode != EMMS) {
      code.write((form.memory ? 0 : 0xC0) | (reg & 7) << 3 | rm & 7);
    }
    if (form.map == 0x3A || form.map == 0 && IMMEDIATE.contains(form.opcode)) {
      code.write(cases.below(3) == 0 ? cases.below(256) : cases.below(20));
    }
    c.code = code.toByteArray();
    return c;
  }

  @Test
  void equalsTheHost() {
    FloatCases generator = new FloatCases(new FloatSamples(11));
    List<OracleCase> cases = new ArrayList<>();
    for (Form form : forms()) {
      for (int i = 0; i < CASES_PER_FORM; i++) {
        cases.add(newCase(form, generator));
      }
    }
    OracleComparison.check(
        cases,
        (c, r) ->
            APPROXIMATE.contains(opcode(c))
                // Processors may fault for bytes that the mask does not select (SDM, MASKMOVDQU).
                || opcode(c) == MASKMOV && r.vector() == GuestFault.PF);
  }

  private static int opcode(OracleCase c) {
    int i = 0;
    while (c.code[i] != 0x0F) {
      i++;
    }
    return c.code[i + 1] & 0xFF;
  }

  @Test
  void refusesSimdWithoutOsfxsrAndTrapsTaskSwitches() {
    OracleCase c = new OracleCase();
    c.code = new byte[] {0x0F, 0x57, (byte) 0xC0};
    try (SoftRunner runner = new SoftRunner()) {
      Insn xorps = runner.decode(c);
      runner.run(c, xorps);
      runner.cpu.cr4 = 0;
      assertEquals(GuestFault.UD, vectorOf(xorps, runner.cpu));
      runner.cpu.cr4 = 1 << 9;
      runner.cpu.cr0 |= 8;
      assertEquals(GuestFault.NM, vectorOf(xorps, runner.cpu));
      runner.cpu.cr0 |= 4;
      assertEquals(GuestFault.UD, vectorOf(xorps, runner.cpu));
    }
  }

  private static int vectorOf(Insn insn, SoftCpu cpu) {
    try {
      insn.execute(cpu);
      return -1;
    } catch (GuestFault fault) {
      return fault.vector;
    }
  }
}
