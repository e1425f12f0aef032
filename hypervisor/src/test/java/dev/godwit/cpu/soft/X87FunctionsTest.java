package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.oracle.HostCpu;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.oracle.OracleResult;
import dev.godwit.cpu.soft.fpu.FloatFlags;
import dev.godwit.cpu.soft.fpu.FloatSamples;
import dev.godwit.cpu.soft.fpu.X87Conditions;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The transcendental instructions agree with the host's within two units in the last place. */
final class X87FunctionsTest {
  private static final int CASES = 1000 * OracleComparison.SCALE;

  /** The host's own error (below 1 ulp) and ours (about half a one). */
  private static final long MAX_ULPS = 2;

  /** PE, UE and C1 follow from roundings that may differ. */
  private static final int COMPARED_STATUS =
      0xFFFF & ~(FloatFlags.PE | FloatFlags.UE | X87Conditions.C1);

  enum Function {
    F2XM1(0xF0, -70, 0),
    FYL2X(0xF1, -200, 200),
    FPTAN(0xF2, -70, 62),
    FPATAN(0xF3, -200, 200),
    FYL2XP1(0xF9, -70, -2),
    FSINCOS(0xFB, -70, 62),
    FSIN(0xFE, -70, 64),
    FCOS(0xFF, -70, 64);

    private final int code;
    private final int minExp;
    private final int maxExp;

    Function(int code, int minExp, int maxExp) {
      this.code = code;
      this.minExp = minExp;
      this.maxExp = maxExp;
    }
  }

  private static OracleCase newCase(Function function, FloatSamples samples) {
    OracleCase c = new OracleCase();
    c.code = new byte[] {(byte) 0xD9, (byte) function.code};
    c.fx.putShort(0, (short) 0x37F);
    c.fx.put(4, (byte) 0x0F);
    // Registers 0 to 3 are in use.
    for (int i = 0; i < 2; i++) {
      int se = samples.nextSignExponent();
      long sig = samples.nextSignificand(se);
      if (samples.below(4) != 0) {
        int exp = function.minExp + samples.below(function.maxExp - function.minExp + 1);
        se = samples.below(2) << 15 | exp + 16383;
        sig = samples.nextSignificand(se) | Long.MIN_VALUE;
      }
      if (function == Function.FYL2X && i == 0 && samples.below(8) != 0) {
        se &= 0x7FFF;
      }
      if (function == Function.FYL2X && i == 0 && samples.below(4) == 0) {
        // Near one.
        se = 0x3FFF - samples.below(2);
      }
      FloatCases.putRegister(c, i, se, sig);
    }
    return c;
  }

  @ParameterizedTest
  @EnumSource
  void agreesWithTheHost(Function function) {
    FloatSamples samples = new FloatSamples(50 + function.ordinal());
    List<OracleCase> cases = new ArrayList<>();
    for (int i = 0; i < CASES; i++) {
      OracleCase c = newCase(function, samples);
      if (isDefined(function, c)) {
        cases.add(c);
      }
    }
    List<OracleResult> results = HostCpu.build().run(cases);
    List<String> failures = new ArrayList<>();
    try (SoftRunner runner = new SoftRunner()) {
      for (int i = 0; i < cases.size(); i++) {
        OracleCase c = cases.get(i);
        OracleResult r = results.get(i);
        runner.run(c, runner.decode(c));
        String difference = difference(runner.cpu.x87, r);
        if (difference != null) {
          failures.add(difference + " for " + registers(c));
        }
      }
    }
    assertTrue(
        failures.isEmpty(),
        () ->
            failures.size()
                + " of "
                + cases.size()
                + " differ, such as\n"
                + String.join("\n", failures.subList(0, Math.min(12, failures.size()))));
  }

  /** Whether the manual defines the result: F2XM1 and FYL2XP1 have ranges. */
  private static boolean isDefined(Function function, OracleCase c) {
    int biased = c.fx.getShort(40) & 0x7FFF;
    return switch (function) {
      case F2XM1 -> biased < 0x3FFF || biased == 0x7FFF;
      case FYL2XP1 -> biased < 0x3FFD || biased == 0x7FFF && c.fx.getLong(32) != Long.MIN_VALUE;
      default -> true;
    };
  }

  private static @Nullable String difference(X87 f, OracleResult r) {
    int hostStatus = r.fx().getShort(2) & 0xFFFF;
    if (((f.status() ^ hostStatus) & COMPARED_STATUS) != 0) {
      return String.format("status %04x instead of %04x", f.status(), hostStatus);
    }
    for (int i = 0; i < 2; i++) {
      int hostSe = r.fx().getShort(40 + 16 * i) & 0xFFFF;
      long hostSig = r.fx().getLong(32 + 16 * i);
      if (ulps(f.se(i), f.sig(i), hostSe, hostSig) > MAX_ULPS) {
        return String.format(
            "st%d %04x:%016x instead of %04x:%016x", i, f.se(i), f.sig(i), hostSe, hostSig);
      }
    }
    return null;
  }

  /** The distance of two values of the same sign in units of the last place. */
  private static long ulps(int se1, long sig1, int se2, long sig2) {
    if (se1 == se2) {
      return Math.abs(sig1 - sig2);
    }
    if (Math.abs(se1 - se2) == 1) {
      // Either side of a power of two.
      return se1 > se2 ? Math.abs((sig1 << 1) - sig2) : Math.abs((sig2 << 1) - sig1);
    }
    return Long.MAX_VALUE;
  }

  private static String registers(OracleCase c) {
    return String.format(
        "%04x:%016x, %04x:%016x",
        c.fx.getShort(40), c.fx.getLong(32), c.fx.getShort(56), c.fx.getLong(48));
  }

  /**
   * FPREM and FPREM1 may take different steps, but a loop of them ends with the same remainder and
   * quotient bits.
   */
  @Test
  void reducesCompletelyAsTheHost() {
    for (int code : new int[] {0xF8, 0xF5}) {
      FloatSamples samples = new FloatSamples(60);
      List<OracleCase> cases = new ArrayList<>();
      for (int i = 0; i < 1000; i++) {
        OracleCase c = newCase(Function.FPATAN, samples);
        // fprem; fnstsw ax; test ah, 4; jnz back
        c.code =
            new byte[] {
              (byte) 0xD9,
              (byte) code,
              (byte) 0xDF,
              (byte) 0xE0,
              (byte) 0xF6,
              (byte) 0xC4,
              4,
              0x75,
              (byte) -9
            };
        cases.add(c);
      }
      List<OracleResult> results = HostCpu.build().run(cases);
      try (SoftRunner runner = new SoftRunner()) {
        for (int i = 0; i < cases.size(); i++) {
          OracleCase c = cases.get(i);
          OracleResult r = results.get(i);
          Insn fprem = runner.decode(c);
          runner.run(c, fprem);
          while ((runner.cpu.x87.status() & X87Conditions.C2) != 0) {
            fprem.execute(runner.cpu);
          }
          X87 f = runner.cpu.x87;
          boolean same =
              f.status() == (r.fx().getShort(2) & 0xFFFF)
                  && f.se(0) == (r.fx().getShort(40) & 0xFFFF)
                  && f.sig(0) == r.fx().getLong(32);
          assertTrue(same, () -> registers(c) + ": host " + r);
        }
      }
    }
  }
}
