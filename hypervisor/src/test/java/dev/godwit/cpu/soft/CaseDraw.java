package dev.godwit.cpu.soft;

import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.soft.InsnForm.Operands;
import java.io.ByteArrayOutputStream;
import java.util.random.RandomGenerator;

/** The drawing of one random case of an {@link InsnForm}. */
final class CaseDraw {
  private static final long[] CORNERS = {
    0,
    1,
    2,
    -1,
    -2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFF_FFFFL,
    0x8000_0000L,
    0xFFFF_FFFFL,
    0x1_0000_0000L,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    0x5555_5555_5555_5555L,
    9,
    0x99,
    31,
    32,
    63,
    64
  };

  private static final int WINDOW_BYTES = 256;

  private final InsnForm form;
  private final RandomGenerator random;
  private final boolean longMode;
  private final OracleCase c = new OracleCase();
  private final ByteArrayOutputStream code = new ByteArrayOutputStream();
  private int width;
  private int rex;
  private int immBytes;
  private int addressBytes;

  /** Where the memory operand lies, 0 if there is none. */
  private long lastTarget;

  CaseDraw(InsnForm form, RandomGenerator random, boolean longMode) {
    this.form = form;
    this.random = random;
    this.longMode = longMode;
  }

  private int pick(int bound) {
    return random.nextInt(bound);
  }

  private boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  OracleCase make() {
    c.longMode = longMode;
    boolean wholePage = form.has(InsnForm.STRING) && chance(20);
    c.memOffset =
        wholePage
            ? 0
            : !form.has(InsnForm.INSIDE) && chance(10)
                ? OracleCase.PAGE_BYTES - WINDOW_BYTES
                : chance(10) ? 0 : 16 * pick(200);
    c.mem = new byte[wholePage ? OracleCase.PAGE_BYTES : WINDOW_BYTES];
    random.nextBytes(c.mem);
    c.rflags = random.nextLong() & OracleCase.SETTABLE_FLAGS;
    for (int i = 0; i < 16; i++) {
      c.gpr[i] = value();
      if (!longMode) {
        c.gpr[i] &= 0xFFFF_FFFFL;
      }
    }
    for (int i = pick(3); i > 0; i--) {
      putLong(8 * pick(WINDOW_BYTES / 8), value()); // corners in memory, too
    }
    drawWidth();
    addressBytes = longMode ? form.has(InsnForm.BRANCH) || !chance(10) ? 8 : 4 : 4;
    aimPointers();
    emit();
    c.code = code.toByteArray();
    return c;
  }

  private void putLong(int at, long value) {
    for (int i = 0; i < 8; i++) {
      c.mem[at + i] = (byte) (value >>> (8 * i));
    }
  }

  private long getLong(int at) {
    long value = 0;
    for (int i = 0; i < 8; i++) {
      value |= (c.mem[at + i] & 0xFFL) << (8 * i);
    }
    return value;
  }

  private void drawWidth() {
    int[] sizes = {1, 2, 4, 8};
    do {
      width = sizes[pick(4)];
    } while ((form.widths() & width) == 0 || !longMode && width == 8);
    immBytes =
        switch (form.imm()) {
          case InsnForm.IMM_Z -> width == 2 ? 2 : 4;
          case InsnForm.IMM_V -> width;
          default -> form.imm();
        };
  }

  private long windowAddress() {
    return OracleCase.DATA_BASE + c.memOffset;
  }

  /**
   * Returns an address inside the window with room on both sides, seldom at or over the page's
   * edge.
   */
  private long target() {
    if (!form.has(InsnForm.INSIDE) && chance(4)) {
      return OracleCase.DATA_BASE + (chance(50) ? -pick(20) : OracleCase.PAGE_BYTES - pick(20));
    }
    long address = windowAddress() + 64 + pick(c.mem.length - 128);
    return form.has(InsnForm.WIDE) && chance(70) ? address & ~15L : address;
  }

  private void aimPointers() {
    if (form.has(InsnForm.STRING)) {
      aimStrings();
    }
    if (form.has(InsnForm.STACK)) {
      c.gpr[4] = target();
    }
    if (form.has(InsnForm.FRAME)) {
      c.gpr[5] = target();
    }
    if (form.has(InsnForm.TABLE)) {
      c.gpr[3] = target() - 128;
    }
    if (form.has(InsnForm.DIVISION) && chance(70)) {
      // A small dividend, mostly sign-extended.
      c.gpr[2] = chance(50) ? c.gpr[0] >> 63 : pick(64);
      if (!longMode) {
        c.gpr[2] = chance(50) ? (int) c.gpr[0] >> 31 & 0xFFFF_FFFFL : pick(64);
      }
      if (chance(50)) {
        c.gpr[0] = c.gpr[0] & ~0xFFFFL | (short) (byte) c.gpr[0] & 0xFFFF;
      }
    }
  }

  private void aimStrings() {
    c.gpr[6] = target();
    c.gpr[7] = chance(40) ? c.gpr[6] + pick(40) - 20 : target();
    c.gpr[1] = chance(5) ? 0 : pick(c.mem.length > WINDOW_BYTES && chance(70) ? 1200 : 16);
    if (addressBytes == 4 && longMode) {
      for (int reg : new int[] {1, 6, 7}) {
        c.gpr[reg] |= (long) pick(3) << 32;
      }
    }
    if (chance(50)) {
      // Much of the memory equals the accumulator: SCAS and CMPS go on for a while.
      c.gpr[0] = (c.mem[64 + pick(64)] & 0xFF) * 0x0101_0101_0101_0101L;
      if (!longMode) {
        c.gpr[0] &= 0xFFFF_FFFFL;
      }
      int percent = 50 + pick(51);
      for (int i = 0; i < c.mem.length; i++) {
        if (chance(percent)) {
          c.mem[i] = (byte) c.gpr[0];
        }
      }
    }
  }

  private void emit() {
    int reg = form.modrm() == InsnForm.REGISTER ? pick(longMode ? 16 : 8) : 0;
    int rm = pick(longMode ? 16 : 8);
    int low = form.has(InsnForm.OPCODE_REG) ? pick(longMode ? 16 : 8) : 0;
    boolean memory =
        form.modrm() != InsnForm.NO_MODRM
            && (form.operands() == Operands.MEMORY
                || form.operands() == Operands.REGISTER_OR_MEMORY && chance(50));
    if (form.has(InsnForm.BIT_STRING) && memory) {
      int bits = 8 * width;
      c.gpr[reg] = Alu.zeroExtend(pick(1000) - 500, bits) | (bits == 64 ? 0 : value() << bits);
      if (!longMode) {
        c.gpr[reg] &= 0xFFFF_FFFFL;
      }
    }
    if (form.has(InsnForm.LOCK) && memory && chance(40)) {
      code.write(0xF0);
    }
    if (form.has(InsnForm.STRING) && chance(80)) {
      code.write(chance(70) ? 0xF3 : 0xF2);
    }
    if (width == 2 || width == 8 && chance(5)) {
      code.write(0x66); // REX.W wins
    }
    if (addressBytes == 4 && longMode) {
      code.write(0x67);
    }
    if (chance(5)) {
      // A segment that is flat anyway; in 64-bit mode even CS, which could not be written.
      int[] segments = {0x26, 0x36, 0x3E, 0x2E};
      code.write(segments[pick(longMode ? 4 : 3)]);
    }
    int mandatory = form.opcode()[0] == 0xF3 ? 1 : 0;
    if (mandatory == 1) {
      code.write(0xF3);
    }
    if (longMode) {
      rex = (width == 8 ? 8 : 0) | (reg & 8) >> 1 | (memory ? 0 : rm >> 3) | low >> 3;
      if (rex != 0 || chance(20)) {
        rex |= 0x40;
      }
    }
    byte[] operand = memory ? memoryOperand(reg, mandatory) : new byte[0];
    if (rex != 0) {
      code.write(rex);
    }
    for (int i = mandatory; i < form.opcode().length; i++) {
      code.write(i == form.opcode().length - 1 ? form.opcode()[i] | low & 7 : form.opcode()[i]);
    }
    if (memory) {
      code.writeBytes(operand);
    } else if (form.modrm() != InsnForm.NO_MODRM) {
      code.write(0xC0 | regBits(reg) | rm & 7);
    }
    writeImmediate();
    if (form.has(InsnForm.COMPARES) && chance(60)) {
      equalise();
    }
    if (form.has(InsnForm.RETURNS) && chance(85)) {
      long landing = OracleCase.CODE_BASE + 64 + pick(1024);
      if (form.modrm() != InsnForm.NO_MODRM && !memory && rm != 4) {
        c.gpr[rm] = landing;
      }
      long at = (form.modrm() == InsnForm.NO_MODRM ? c.gpr[4] : lastTarget) - windowAddress();
      if (at >= 0 && at <= WINDOW_BYTES - 8) {
        putLong((int) at, landing);
      }
    }
  }

  private int regBits(int reg) {
    return (form.modrm() == InsnForm.REGISTER ? reg & 7 : form.modrm()) << 3;
  }

  private void writeImmediate() {
    if (form.has(InsnForm.MOFFS)) {
      writeLittle(target(), addressBytes);
      return;
    }
    if (isShortBranch()) {
      writeLittle(pick(60) - 100 * pick(2), 1); // not to its own bytes: that would never end
    } else if (form.has(InsnForm.SHORT_COUNT)) {
      writeLittle(pick(17), 1);
    } else {
      writeLittle(value(), immBytes);
    }
  }

  private boolean isShortBranch() {
    int first = form.opcode()[0];
    return immBytes == 1 && (first >> 4 == 7 || first >= 0xE0 && first <= 0xEB);
  }

  private void writeLittle(long value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      code.write((int) (value >>> (8 * i)));
    }
  }

  /**
   * Draws an addressing mode and sets its base register so that the operand lies at a target;
   * returns the bytes.
   */
  private byte[] memoryOperand(int reg, int mandatory) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    long target = target();
    lastTarget = target;
    int kind = pick(10);
    if (kind == 0) {
      // No base: absolute in 32-bit mode (or by SIB), relative to RIP in 64-bit mode.
      if (longMode && chance(70)) {
        if (rex == 0 && chance(50)) {
          rex = 0x40;
        }
        out.write(regBits(reg) | 5);
        int length =
            code.size() + (rex != 0 ? 1 : 0) + (form.opcode().length - mandatory) + 5 + immBytes;
        writeInt(out, (int) (target - (OracleCase.CODE_BASE + c.codeOffset + length)));
      } else {
        out.write(regBits(reg) | 4);
        out.write(0x25);
        writeInt(out, (int) target);
      }
      return out.toByteArray();
    }
    int displacementBytes = kind < 4 ? 0 : kind < 7 ? 1 : 4;
    int base = drawBase(reg);
    int displacement =
        displacementBytes == 0 ? 0 : displacementBytes == 1 ? pick(256) - 128 : pick(100_000);
    if ((base & 7) == 5 && displacementBytes == 0) {
      displacementBytes = 1;
    }
    long offset = displacement;
    int mod = displacementBytes == 0 ? 0 : displacementBytes == 1 ? 1 : 2;
    boolean indexed = (base & 7) == 4 || chance(40);
    int sib = 0;
    if (indexed) {
      int index = pick(longMode ? 16 : 8);
      int scale = pick(4);
      if (index == base || index == 4 || form.has(InsnForm.COMPARES) && index < 4) {
        index = 4;
      } else {
        offset += c.gpr[index] << scale;
        rex |= index >= 8 ? 0x42 : 0;
      }
      sib = scale << 6 | (index & 7) << 3 | base & 7;
    }
    rex |= base >= 8 ? 0x41 : 0;
    long high = addressBytes == 4 && longMode ? (long) pick(1000) << 32 : 0;
    c.gpr[base] = addressBytes == 4 ? target - offset & 0xFFFF_FFFFL | high : target - offset;
    out.write(mod << 6 | regBits(reg) | (indexed ? 4 : base & 7));
    if (indexed) {
      out.write(sib);
    }
    if (displacementBytes == 1) {
      out.write(displacement);
    } else if (displacementBytes == 4) {
      writeInt(out, displacement);
    }
    return out.toByteArray();
  }

  /** Draws a base register that no other part of the case needs with its value. */
  private int drawBase(int reg) {
    while (true) {
      int base = pick(longMode ? 16 : 8);
      boolean taken =
          form.has(InsnForm.STACK) && base == 4
              || form.has(InsnForm.BIT_STRING) && base == reg
              || form.has(InsnForm.DIVISION) && (base == 0 || base == 2)
              || form.has(InsnForm.COMPARES) && base < 4;
      if (!taken) {
        return base;
      }
    }
  }

  private void writeInt(ByteArrayOutputStream out, int value) {
    for (int i = 0; i < 4; i++) {
      out.write(value >>> (8 * i));
    }
  }

  /** Makes the accumulator (and RDX) equal to the memory operand, so that a comparison succeeds. */
  private void equalise() {
    long at = lastTarget - windowAddress();
    if (lastTarget == 0 || at < 0 || at > WINDOW_BYTES - 16) {
      return;
    }
    boolean wide = form.has(InsnForm.WIDE);
    long low = getLong((int) at);
    if (wide && width != 8) {
      c.gpr[0] = low & 0xFFFF_FFFFL;
      c.gpr[2] = low >>> 32;
    } else {
      c.gpr[0] = longMode ? low : low & 0xFFFF_FFFFL;
      if (wide) {
        c.gpr[2] = getLong((int) at + 8);
      }
    }
  }

  /** Returns an integer as bugs like them: corners, small ones, any. */
  private long value() {
    return switch (random.nextInt(4)) {
      case 0 -> CORNERS[random.nextInt(CORNERS.length)];
      case 1 -> random.nextInt(256);
      case 2 -> random.nextLong() >> random.nextInt(64);
      default -> random.nextLong();
    };
  }
}
