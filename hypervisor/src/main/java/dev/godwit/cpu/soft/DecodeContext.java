package dev.godwit.cpu.soft;

import dev.godwit.cpu.CpuModel;
import org.jspecify.annotations.Nullable;

/**
 * One instruction while it is decoded: prefixes, opcode, ModRM, displacement, immediates (SDM vol.
 * 2 ch. 2).
 *
 * <p>The opcode tables read what they need in encoding order — ModRM first, then immediates — and
 * build an {@link Insn}. Confined to the vCPU's thread; reused for every instruction.
 */
final class DecodeContext {
  /** The longest instruction; one more byte raises #GP. */
  static final int MAX_BYTES = 15;

  /**
   * Register number that {@link SoftCpu#regs} keeps at zero: stands for "no base" or "no index".
   */
  static final int NO_REGISTER = 16;

  static final int ES = 0;
  static final int CS = 1;
  static final int SS = 2;
  static final int DS = 3;
  static final int FS = 4;
  static final int GS = 5;

  /** Index in {@link SoftCpu#segBase} that is always zero: a flat segment of 64-bit mode. */
  static final int FLAT = 6;

  /** Supplies code bytes; may throw a page fault (fetch) or #GP. */
  interface CodeSource {
    /** Returns the byte at that distance from the instruction's start, 0–255. */
    int byteAt(int offset);
  }

  private final CpuModel model;
  private CodeSource source = offset -> 0;
  private long start;
  private int length;
  private int codeBits = 64;
  private boolean stack32 = true;

  private int rex;
  private boolean operandPrefix;
  private boolean addressPrefix;
  private boolean lock;
  private int rep;
  private int segment = -1;
  private int map;
  private int opcode;

  private int modrm = -1;
  private int base;
  private int index;
  private int scale;
  private long displacement;
  private boolean ripRelative;
  private int defaultSegment;
  private @Nullable MemOperand operand;

  /**
   * @param model says which instructions exist
   */
  DecodeContext(CpuModel model) {
    this.model = model;
  }

  /** Returns the CPU model to decode for. */
  CpuModel model() {
    return model;
  }

  /**
   * Reads prefixes and opcode of the instruction at {@code rip}.
   *
   * @param codeBits 16, 32 or 64: the mode of CS
   * @param stack32 SS.B, for instructions that need the stack's width outside 64-bit mode
   */
  void begin(CodeSource source, long rip, int codeBits, boolean stack32) {
    this.source = source;
    this.start = rip;
    this.length = 0;
    this.codeBits = codeBits;
    this.stack32 = stack32;
    rex = 0;
    operandPrefix = false;
    addressPrefix = false;
    lock = false;
    rep = 0;
    segment = -1;
    modrm = -1;
    operand = null;
    readPrefixes();
  }

  private void readPrefixes() {
    while (true) {
      int b = fetch8();
      switch (b) {
        case 0x26, 0x2E, 0x36, 0x3E -> {
          if (codeBits != 64) {
            segment = (b >> 3) & 3;
          }
        }
        case 0x64, 0x65 -> segment = b - 0x60;
        case 0x66 -> operandPrefix = true;
        case 0x67 -> addressPrefix = true;
        case 0xF0 -> lock = true;
        case 0xF2, 0xF3 -> rep = b;
        default -> {
          if (codeBits == 64 && (b & 0xF0) == 0x40) {
            rex = b;
            b = fetch8();
            if (isPrefix(b)) {
              // A REX prefix counts only directly before the opcode.
              rex = 0;
              length--;
              continue;
            }
          }
          readOpcode(b);
          return;
        }
      }
    }
  }

  private static boolean isPrefix(int b) {
    return switch (b) {
      case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3 -> true;
      default -> (b & 0xF0) == 0x40;
    };
  }

  private void readOpcode(int first) {
    map = 0;
    opcode = first;
    if (first == 0x0F) {
      map = 1;
      opcode = fetch8();
      if (opcode == 0x38 || opcode == 0x3A) {
        map = opcode == 0x38 ? 2 : 3;
        opcode = fetch8();
      }
    }
  }

  private int fetch8() {
    if (length == MAX_BYTES) {
      throw GuestFault.of(GuestFault.GP);
    }
    return source.byteAt(length++);
  }

  /**
   * Resolves what depends on the instruction's end; {@link OpcodeTable} calls it once the node is
   * built.
   */
  void finish() {
    if (operand != null && ripRelative) {
      operand.relocate(nextRip());
      operand = null;
    }
  }

  /** Returns the offset in CS of the first byte. */
  long rip() {
    return start;
  }

  /** Returns the offset in CS after the bytes read so far, wrapped to the code size. */
  long nextRip() {
    long next = start + length;
    return switch (codeBits) {
      case 16 -> next & 0xFFFF;
      case 32 -> next & 0xFFFF_FFFFL;
      default -> next;
    };
  }

  /** Returns the bytes read so far. */
  int length() {
    return length;
  }

  /** Returns 16, 32 or 64. */
  int codeBits() {
    return codeBits;
  }

  boolean is64() {
    return codeBits == 64;
  }

  /** Returns 0 for one-byte opcodes, 1 for 0F, 2 for 0F 38, 3 for 0F 3A. */
  int map() {
    return map;
  }

  /** Returns the opcode byte within its map. */
  int opcode() {
    return opcode;
  }

  /** Returns the REX prefix, 0 if absent. */
  int rex() {
    return rex;
  }

  boolean rexW() {
    return (rex & 8) != 0;
  }

  boolean hasOperandPrefix() {
    return operandPrefix;
  }

  boolean hasLock() {
    return lock;
  }

  /** Returns 0, 0xF2 or 0xF3. */
  int rep() {
    return rep;
  }

  /** Returns the effective operand size in bytes: 2, 4 or 8. */
  int operandSize() {
    if (rexW()) {
      return 8;
    }
    return (codeBits == 16) == operandPrefix ? 4 : 2;
  }

  /**
   * Returns the operand size of pushes and pops: 8 or 2 in 64-bit mode, else as {@link
   * #operandSize}.
   */
  int stackOperandSize() {
    if (codeBits == 64) {
      return operandPrefix && !rexW() ? 2 : 8;
    }
    return operandSize();
  }

  /** Returns the effective address size in bytes: 2, 4 or 8. */
  int addressSize() {
    return switch (codeBits) {
      case 64 -> addressPrefix ? 4 : 8;
      case 32 -> addressPrefix ? 2 : 4;
      default -> addressPrefix ? 4 : 2;
    };
  }

  /** Returns the stack address size in bytes: 2, 4 or 8. */
  int stackAddressSize() {
    return codeBits == 64 ? 8 : stack32 ? 4 : 2;
  }

  /** Returns the ModRM byte, reading it with SIB and displacement on the first call. */
  int modrm() {
    if (modrm < 0) {
      modrm = fetch8();
      if (modrm < 0xC0) {
        if (addressSize() == 2) {
          readMemory16();
        } else {
          readMemory();
        }
      }
    }
    return modrm;
  }

  /**
   * Reads ModRM of an instruction whose operands are registers whatever its mod field says: moves
   * to and from control and debug registers.
   */
  void modrmOfRegisters() {
    modrm = fetch8() | 0xC0;
  }

  /** Says whether ModRM names a register rather than memory. */
  boolean isRegister() {
    return modrm() >= 0xC0;
  }

  /** Returns ModRM.reg without REX.R: an opcode extension, or an MMX, segment or x87 register. */
  int regField() {
    return (modrm() >> 3) & 7;
  }

  /** Returns ModRM.reg with REX.R. */
  int reg() {
    return regField() | (rex & 4) << 1;
  }

  /** Returns ModRM.rm without REX.B. */
  int rmField() {
    return modrm() & 7;
  }

  /** Returns ModRM.rm with REX.B: a register number. */
  int rm() {
    return rmField() | (rex & 1) << 3;
  }

  /** Returns the register in the opcode's low three bits, with REX.B. */
  int opcodeReg() {
    return opcode & 7 | (rex & 1) << 3;
  }

  private void readMemory() {
    int mod = modrm >> 6;
    int rm = modrm & 7;
    base = rm | (rex & 1) << 3;
    index = NO_REGISTER;
    scale = 0;
    ripRelative = false;
    if (rm == 4) {
      int sib = fetch8();
      scale = sib >> 6;
      index = (sib >> 3) & 7 | (rex & 2) << 2;
      if (index == 4) {
        index = NO_REGISTER;
      }
      base = sib & 7 | (rex & 1) << 3;
      if ((sib & 7) == 5 && mod == 0) {
        base = NO_REGISTER;
        mod = 2;
      }
    } else if (rm == 5 && mod == 0) {
      base = NO_REGISTER;
      ripRelative = codeBits == 64;
      mod = 2;
    }
    defaultSegment = base == 4 || base == 5 ? SS : DS;
    displacement = mod == 1 ? (byte) fetch8() : mod == 2 ? imm32() : 0;
  }

  private void readMemory16() {
    int mod = modrm >> 6;
    int rm = modrm & 7;
    scale = 0;
    ripRelative = false;
    base = rm < 2 || rm == 7 ? 3 : rm < 4 || rm == 6 ? 5 : rm == 4 ? 6 : 7;
    index = rm < 4 ? 6 + (rm & 1) : NO_REGISTER;
    if (rm == 6 && mod == 0) {
      base = NO_REGISTER;
      mod = 2;
    }
    defaultSegment = base == 5 ? SS : DS;
    displacement = mod == 1 ? (byte) fetch8() : mod == 2 ? (short) imm16() : 0;
  }

  /**
   * Returns the memory operand of ModRM, the same one at each call; only if not {@link
   * #isRegister}.
   */
  MemOperand mem() {
    modrm();
    if (operand == null) {
      operand =
          new MemOperand(
              base,
              index,
              scale,
              displacement,
              addressSize(),
              segmentOr(defaultSegment),
              codeBits != 64);
    }
    return operand;
  }

  /**
   * Returns a memory operand at an absolute offset, for MOV moffs and the like; segment DS unless
   * overridden.
   */
  MemOperand absolute(long offset) {
    return new MemOperand(
        NO_REGISTER, NO_REGISTER, 0, offset, addressSize(), segmentOr(DS), codeBits != 64);
  }

  /**
   * Returns the index in {@link SoftCpu#segBase} to use for a segment register: the override if
   * there is one, and {@link #FLAT} for ES, CS, SS and DS in 64-bit mode.
   */
  int segmentOr(int preferred) {
    int chosen = segment >= 0 ? segment : preferred;
    return codeBits == 64 && chosen < FS ? FLAT : chosen;
  }

  /**
   * Returns the index in {@link SoftCpu#segBase} of a segment that no prefix overrides (ES of
   * string destinations).
   */
  int fixedSegment(int which) {
    return codeBits == 64 && which < FS ? FLAT : which;
  }

  /** Reads an 8-bit immediate, sign-extended. */
  int imm8() {
    return (byte) fetch8();
  }

  /** Reads an unsigned 16-bit immediate. */
  int imm16() {
    int low = fetch8();
    return low | fetch8() << 8;
  }

  /** Reads a 32-bit immediate. */
  int imm32() {
    int low = imm16();
    return low | imm16() << 16;
  }

  /** Reads a 64-bit immediate. */
  long imm64() {
    long low = imm32() & 0xFFFF_FFFFL;
    return low | (long) imm32() << 32;
  }

  /** Reads an immediate of the operand size (Iz): 16 or 32 bits, sign-extended. */
  long immz() {
    return operandSize() == 2 ? (short) imm16() : imm32();
  }
}
