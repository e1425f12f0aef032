package dev.godwit.cpu.soft;

/**
 * FNSTENV, FLDENV, FNSAVE and FRSTOR: the environment in its 14- and 28-byte formats, for protected
 * and for real mode (SDM vol. 1 8.1.10), and the registers behind it.
 */
final class X87Environment {
  private static final int REGISTER_BYTES = 10;
  private static final long CR0_PE = 1;

  private X87Environment() {}

  private static int bytes(boolean wide) {
    return wide ? 28 : 14;
  }

  private static boolean isReal(SoftCpu c) {
    return (c.cr0 & CR0_PE) == 0 || (c.flagsRest & Flags.VM) != 0;
  }

  /** FNSTENV; masks all exceptions afterwards. */
  static void storeEnvironment(SoftCpu c, X87 f, MemOperand m, boolean wide) {
    c.probeWrite(m.forWrite(c, bytes(wide)), bytes(wide));
    write(c, f, m, wide);
    f.setControl(f.control() | 0x3F);
  }

  /** FNSAVE; initialises afterwards. */
  static void save(SoftCpu c, X87 f, MemOperand m, boolean wide) {
    int base = bytes(wide);
    int all = base + 8 * REGISTER_BYTES;
    c.probeWrite(m.forWrite(c, all), all);
    write(c, f, m, wide);
    for (int i = 0; i < 8; i++) {
      int at = base + REGISTER_BYTES * i;
      c.write64(m.forWrite(c, at, 8), f.sig(i));
      c.write16(m.forWrite(c, at + 8, 2), f.se(i));
    }
    f.init();
  }

  /** FLDENV. */
  static void loadEnvironment(SoftCpu c, X87 f, MemOperand m, boolean wide) {
    m.forRead(c, bytes(wide));
    accept(f, read(c, m, wide), wide, isReal(c));
  }

  /** FRSTOR. */
  static void restore(SoftCpu c, X87 f, MemOperand m, boolean wide) {
    int base = bytes(wide);
    m.forRead(c, base + 8 * REGISTER_BYTES);
    int[] environment = read(c, m, wide);
    long[] significands = new long[8];
    int[] signExponents = new int[8];
    for (int i = 0; i < 8; i++) {
      int at = base + REGISTER_BYTES * i;
      significands[i] = c.read64(m.forRead(c, at, 8));
      signExponents[i] = c.read16(m.forRead(c, at + 8, 2));
    }
    accept(f, environment, wide, isReal(c));
    for (int i = 0; i < 8; i++) {
      f.load(i, signExponents[i], significands[i]);
    }
  }

  /**
   * Writes the seven fields; the upper halves that are reserved in the wide format are all ones.
   */
  private static void write(SoftCpu c, X87 f, MemOperand m, boolean wide) {
    int ip = (int) f.instructionPointer;
    int dp = (int) f.dataPointer;
    boolean real = isReal(c);
    int[] fields = {f.control(), f.status(), f.tagWord(), ip, 0, dp, 0};
    if (real) {
      fields[3] = ip & 0xFFFF;
      fields[4] = (ip >>> 16) << 12 | f.opcode;
      fields[5] = dp & 0xFFFF;
      fields[6] = (dp >>> 16) << 12;
    } else if (wide) {
      fields[4] = f.opcode << 16;
    }
    for (int i = 0; i < fields.length; i++) {
      if (!wide) {
        c.write16(m.forWrite(c, 2 * i, 2), fields[i] & 0xFFFF);
      } else {
        boolean half = i < 3 || i == 6 && !real || real && (i == 3 || i == 5);
        c.write32(m.forWrite(c, 4 * i, 4), half ? fields[i] | 0xFFFF_0000 : fields[i]);
      }
    }
  }

  private static int[] read(SoftCpu c, MemOperand m, boolean wide) {
    int[] fields = new int[7];
    for (int i = 0; i < fields.length; i++) {
      fields[i] = wide ? c.read32(m.forRead(c, 4 * i, 4)) : c.read16(m.forRead(c, 2 * i, 2));
    }
    return fields;
  }

  private static void accept(X87 f, int[] fields, boolean wide, boolean real) {
    f.setControl(fields[0] & 0xFFFF);
    f.setStatus(fields[1] & 0xFFFF);
    f.setTagWord(fields[2] & 0xFFFF);
    if (real) {
      f.instructionPointer = pointer(fields[3], fields[4]);
      f.dataPointer = pointer(fields[5], fields[6]);
      f.opcode = fields[4] & 0x7FF;
    } else {
      f.instructionPointer = fields[3] & 0xFFFF_FFFFL;
      f.dataPointer = fields[5] & 0xFFFF_FFFFL;
      f.opcode = wide ? fields[4] >>> 16 & 0x7FF : 0;
    }
  }

  /**
   * A linear address in real mode's two parts: the low 16 bits, and the rest from bit 12 of the
   * second.
   */
  private static long pointer(int low, int high) {
    return low & 0xFFFFL | (high >>> 12 & 0xFFFFL) << 16;
  }
}
