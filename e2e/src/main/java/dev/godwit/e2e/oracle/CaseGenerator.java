package dev.godwit.e2e.oracle;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Draws cases: any opcode with any prefixes and operands, but for those of {@link Exclusions}, and
 * registers and memory such that most operands exist.
 */
final class CaseGenerator {
  private static final long[] CORNERS = {
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFE,
    0x7FFF_FFFF,
    0x8000_0000L,
    0xFFFF_FFFFL,
    0x1_0000_0000L,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -1,
    -2,
    0x5555_5555_5555_5555L,
    0x0101_0101_0101_0101L
  };
  private static final int[] PREFIXES = {
    0x26, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x66, 0x66, 0x67, 0xF2, 0xF3, 0xF0
  };

  /** Opcodes that stand for eight instructions each. */
  private static final int[] GROUPS = {
    0x80, 0x81, 0x83, 0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3, 0xF6, 0xF6, 0xF7, 0xF7, 0xFE, 0xFF
  };

  private static final int MOST_CODE_BYTES = 48;
  private static final int RSP = 4;

  /** An instruction and what is open after it. */
  record Drawn(byte[] bytes, InsnCase.Tolerance tolerance, Operands operands) {}

  /** What the exclusions need to know about an instruction. */
  record Operands(
      Opcode opcode,
      int modrm,
      int rex,
      int operandBytes,
      int rep,
      boolean operand,
      boolean address) {
    int regField() {
      return modrm >> 3 & 7;
    }

    /** Whether 66h, F2h or F3h is there. */
    boolean prefixed() {
      return operand || rep != 0;
    }

    boolean memory() {
      return modrm >= 0 && modrm < 0xC0;
    }
  }

  private final SplittableRandom random;
  private final CpuMode mode;

  CaseGenerator(CpuMode mode, long seed) {
    this.mode = mode;
    this.random = new SplittableRandom(seed * 31 + mode.ordinal());
  }

  /** Draws one sequence of instructions and that many states to run it from. */
  List<InsnCase> draw(int states) {
    List<byte[]> insns = new ArrayList<>();
    InsnCase.Tolerance tolerance = InsnCase.Tolerance.NONE;
    int bytes = 0;
    boolean floating = false;
    boolean wide = false;
    int most = chance(60) ? 1 : 2 + pick(4);
    Drawn last = insn();
    while (true) {
      insns.add(last.bytes);
      bytes += last.bytes.length;
      floating |= last.operands.opcode.map() != 0;
      wide |= last.operands.address;
      tolerance = last.tolerance;
      if (insns.size() >= most
          || bytes > MOST_CODE_BYTES - 15
          || !last.tolerance.equals(InsnCase.Tolerance.NONE)
          || Exclusions.onlyLast(mode, last.operands)) {
        break;
      }
      last = insn();
    }
    boolean atEnd = mode != CpuMode.REAL && chance(3);
    List<InsnCase> cases = new ArrayList<>();
    byte[][] code = insns.toArray(byte[][]::new);
    for (int i = 0; i < states; i++) {
      cases.add(
          new InsnCase(
              mode,
              code,
              atEnd,
              registers(last.operands, wide),
              flags(),
              dataSegments(),
              data(),
              floating ? fx() : new byte[0],
              tolerance));
    }
    return cases;
  }

  // Instructions

  private Drawn insn() {
    while (true) {
      Drawn drawn = tryInsn();
      if (drawn.bytes.length <= 15 && !Exclusions.excluded(mode, drawn.operands, drawn.bytes)) {
        return drawn;
      }
    }
  }

  private Opcode opcode() {
    while (true) {
      int map = chance(52) ? 0 : chance(70) ? 1 : chance(75) ? 2 : 3;
      if (map == 0 && chance(15)) {
        return new Opcode(0, GROUPS[pick(GROUPS.length)]);
      }
      int code = map == 3 ? pick(0x64) : map == 2 && chance(90) ? pick(0x42) : pick(256);
      Opcode opcode = new Opcode(map, map == 2 && chance(5) ? 0xF0 | pick(2) : code);
      boolean escape = map == 1 && (code == 0x38 || code == 0x3A);
      if (!escape && !opcode.isPrefix(mode.is64())) {
        return opcode;
      }
    }
  }

  private Drawn tryInsn() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    boolean operandPrefix = false;
    boolean addressPrefix = false;
    int rep = 0;
    while (chance(out.size() == 0 ? 35 : 25)) {
      int prefix = PREFIXES[pick(PREFIXES.length)];
      out.write(prefix);
      operandPrefix |= prefix == 0x66;
      addressPrefix |= prefix == 0x67;
      rep = prefix == 0xF2 || prefix == 0xF3 ? prefix : rep;
    }
    int rex = 0;
    if (mode.is64() && chance(50)) {
      rex = 0x40 | pick(16);
      out.write(rex);
    }
    Opcode opcode = opcode();
    if (opcode.map() > 0) {
      out.write(0x0F);
    }
    if (opcode.map() > 1) {
      out.write(opcode.map() == 2 ? 0x38 : 0x3A);
    }
    out.write(opcode.code());
    boolean wide = (rex & 8) != 0;
    int operandBytes = wide ? 8 : (mode.bits == 16) == operandPrefix ? 4 : 2;
    int addressBytes = addressBytes(addressPrefix);
    int modrm = -1;
    if (opcode.hasModrm(mode.is64())) {
      modrm = chance(40) ? 0xC0 | pick(64) : pick(192);
      if (opcode.map() == 1 && (opcode.code() & ~3) == 0x20) {
        modrm |= 0xC0; // control and debug registers: there is no memory form
      }
      memory(out, modrm, addressBytes);
    }
    int regField = modrm < 0 ? 0 : modrm >> 3 & 7;
    immediate(out, opcode.immediate(regField), operandBytes, addressBytes);
    Operands operands =
        new Operands(opcode, modrm, rex, operandBytes, rep, operandPrefix, addressPrefix);
    int ifZero =
        opcode.map() == 1 && (opcode.code() & 0xFE) == 0xBC ? regField | (rex & 4) << 1 : -1;
    return new Drawn(
        out.toByteArray(),
        new InsnCase.Tolerance(opcode.undefinedFlags(regField), ifZero),
        operands);
  }

  private int addressBytes(boolean prefix) {
    return switch (mode.bits) {
      case 16 -> prefix ? 4 : 2;
      case 32 -> prefix ? 2 : 4;
      default -> prefix ? 4 : 8;
    };
  }

  private void memory(ByteArrayOutputStream out, int modrm, int addressBytes) {
    out.write(modrm);
    int mod = modrm >> 6;
    int rm = modrm & 7;
    if (mod == 3) {
      return;
    }
    if (addressBytes == 2) {
      if (mod == 0 && rm == 6) {
        little(out, pointer(), 2);
      } else if (mod == 1) {
        out.write(pick(256));
      } else if (mod == 2) {
        little(out, pick(128) - 64, 2);
      }
      return;
    }
    boolean absolute = mod == 0 && rm == 5;
    if (rm == 4) {
      int sib = chance(50) ? 0x20 | pick(256) & 0xC7 : pick(256);
      out.write(sib);
      absolute = mod == 0 && (sib & 7) == 5;
    }
    if (absolute) {
      little(out, mode.is64() && rm == 5 ? pick(512) - 256 : pointer(), 4);
    } else if (mod == 1) {
      out.write(pick(256));
    } else if (mod == 2) {
      little(out, pick(128) - 64, 4);
    }
  }

  private void immediate(
      ByteArrayOutputStream out, Opcode.Immediate kind, int operandBytes, int addressBytes) {
    switch (kind) {
      case NONE -> {}
      case BYTE -> out.write(chance(50) ? pick(256) : pick(40));
      case WORD -> little(out, pick(64), 2);
      case Z -> little(out, value(), operandBytes == 2 ? 2 : 4);
      case FULL -> little(out, value(), operandBytes);
      case OFFSET -> little(out, pointer(), addressBytes);
      case FAR -> {
        little(out, value(), operandBytes == 2 ? 2 : 4);
        little(out, selector(), 2);
      }
      case WORD_BYTE -> {
        little(out, pick(64), 2);
        out.write(chance(70) ? pick(3) : pick(256));
      }
      case SHORT -> out.write(pick(24));
      case NEAR -> {
        // TCG and processors disagree about 66h here in 64-bit mode: Exclusions keeps it out.
        int size = operandBytes == 2 && !mode.is64() ? 2 : 4;
        little(out, mode.noExecute() && chance(30) ? value() : pick(24), size);
      }
    }
  }

  private static void little(ByteArrayOutputStream out, long value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      out.write((int) (value >>> 8 * i));
    }
  }

  // States

  private long[] registers(Operands operands, boolean wideAddresses) {
    long[] gpr = new long[16];
    boolean small = mode.bits == 16;
    for (int i = 0; i < (mode.is64() ? 16 : 8); i++) {
      gpr[i] = chance(45) ? pointer() : value();
      if (small) {
        gpr[i] &= wideAddresses ? 0xFFFF : 0xFFFF_FFFFL;
      } else if (!mode.is64()) {
        gpr[i] &= 0xFFFF_FFFFL;
      }
    }
    boolean anywhere = mode != CpuMode.REAL && chance(8);
    if (!anywhere) {
      gpr[RSP] = pointer() & (chance(90) ? -8L : -1L);
    }
    if (operands.rep != 0) {
      gpr[1] = chance(80) ? gpr[1] & ~0xFFFFL | pick(12) : gpr[1];
      if (small) {
        gpr[1] = pick(20);
      }
    }
    int code = operands.opcode.code();
    if (operands.opcode.map() == 1 && (code == 0xA5 || code == 0xAD)) {
      gpr[1] &= ~0xF0L; // 16-bit double shifts by more than 16 are undefined
    }
    return gpr;
  }

  private long flags() {
    long flags = random.nextInt() & Opcode.ALL | 2;
    flags |= chance(20) ? 0x400 : 0; // DF
    flags |= chance(5) ? 0x100 : 0; // TF
    flags |= chance(5) ? 0x4_0000 : 0; // AC, without CR0.AM
    flags |= chance(5) ? 0x20_0000 : 0; // ID
    if (mode == CpuMode.V86) {
      flags |= 0x2_0000 | (chance(50) ? 0x3000 : 0);
    } else if (mode.loop == 2 && chance(3)) {
      flags |= 0x4000; // NT
    }
    return flags;
  }

  private int[] dataSegments() {
    if (mode.realLike()) {
      return new int[] {0x2000, 0x2001};
    }
    if (mode.bits == 16) {
      return new int[] {RunnerTables.USER_DATA16, RunnerTables.USER_DATA16};
    }
    return new int[] {RunnerTables.USER_DATA32, RunnerTables.USER_DATA_AT_WINDOWS};
  }

  private byte[] data() {
    byte[] data = new byte[RunnerImage.WINDOWS * RunnerImage.WINDOW_BYTES];
    for (int i = 0; i < data.length; i += 8) {
      long value = chance(30) ? pointer() : chance(15) ? selector() : value();
      for (int b = 0; b < 8; b++) {
        data[i + b] = (byte) (value >>> 8 * b);
      }
    }
    return data;
  }

  /** An FXSAVE image: x87 empty, registers random with floating-point corners. */
  private byte[] fx() {
    byte[] fx = new byte[512];
    fx[0] = 0x7F;
    fx[1] = 3;
    fx[4] = (byte) 0xFF;
    int mxcsr = 0x1F80 | pick(4) << 13 | (chance(10) ? 0x8000 : 0) | (chance(20) ? pick(64) : 0);
    fx[24] = (byte) mxcsr;
    fx[25] = (byte) (mxcsr >> 8);
    for (int i = 0; i < 8; i++) {
      putLong(fx, 32 + 16 * i, random.nextLong());
      fx[40 + 16 * i] = (byte) 0xFF;
      fx[41 + 16 * i] = (byte) 0xFF;
    }
    for (int i = 0; i < (mode.is64() ? 32 : 16); i++) {
      putLong(fx, 160 + 8 * i, lanes());
    }
    return fx;
  }

  private long lanes() {
    return switch (pick(4)) {
      case 0 -> Double.doubleToRawLongBits((pick(2000) - 1000) / 8.0);
      case 1 ->
          (long) Float.floatToRawIntBits(pick(2000) - 1000) << 32
              | Float.floatToRawIntBits(pick(100) / 4f) & 0xFFFF_FFFFL;
      case 2 -> value();
      default -> random.nextLong();
    };
  }

  private static void putLong(byte[] into, int at, long value) {
    for (int b = 0; b < 8; b++) {
      into[at + b] = (byte) (value >>> 8 * b);
    }
  }

  /** An offset into a data window, or a little before it. */
  private long pointer() {
    int window = RunnerImage.WINDOW_OFFSETS[chance(70) ? pick(2) : pick(4)];
    int inside = chance(90) ? pick(64) : pick(80) - 16;
    return mode.dataOffset() + window + (chance(50) ? inside & -16 : inside);
  }

  private long value() {
    return switch (pick(5)) {
      case 0 -> CORNERS[pick(CORNERS.length)];
      case 1 -> pick(256);
      case 2 -> random.nextLong() >> pick(64);
      case 3 -> pick(64);
      default -> random.nextLong();
    };
  }

  private int selector() {
    return RunnerTables.SELECTORS[pick(RunnerTables.SELECTORS.length)];
  }

  private boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  private int pick(int bound) {
    return random.nextInt(bound);
  }
}
