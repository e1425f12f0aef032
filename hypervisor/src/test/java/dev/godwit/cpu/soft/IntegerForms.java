package dev.godwit.cpu.soft;

import static dev.godwit.cpu.soft.InsnForm.IMM_V;
import static dev.godwit.cpu.soft.InsnForm.IMM_Z;
import static dev.godwit.cpu.soft.InsnForm.NO_MODRM;

import dev.godwit.cpu.soft.InsnForm.Operands;
import java.util.ArrayList;
import java.util.List;

/**
 * Every encoding of an integer instruction that a user program can execute, but for far transfers.
 */
final class IntegerForms {
  private static final int V = 2 | 4 | 8;
  private static final int R = InsnForm.REGISTER;
  private static final int LOCK = InsnForm.LOCK;
  private static final int STACK = InsnForm.STACK;

  private final List<InsnForm> forms = new ArrayList<>();

  private IntegerForms() {}

  /** The forms of 64-bit mode. */
  static List<InsnForm> of64() {
    IntegerForms f = new IntegerForms();
    f.common();
    f.rm("movsxd", 0x63, R, 4 | 8, 0, 0, 0);
    // With 16 bits, AMD's processors read 32 bits of memory, Intel's 16.
    f.rm("movsxd16", 0x63, R, 2, 0, 0, InsnForm.INSIDE);
    f.stack(2 | 8);
    return f.forms;
  }

  /** The forms of 32-bit mode. */
  static List<InsnForm> of32() {
    IntegerForms f = new IntegerForms();
    f.common();
    f.plain("daa", 0x27, 1, 0, Flags.OF, 0);
    f.plain("das", 0x2F, 1, 0, Flags.OF, 0);
    int unpacked = Flags.OF | Flags.SF | Flags.ZF | Flags.PF;
    f.plain("aaa", 0x37, 1, 0, unpacked, 0);
    f.plain("aas", 0x3F, 1, 0, unpacked, 0);
    int division = Flags.OF | Flags.AF | Flags.CF;
    f.plain("aam", 0xD4, 1, 1, division, 0);
    f.plain("aad", 0xD5, 1, 1, division, 0);
    f.plain("salc", 0xD6, 1, 0, 0, 0);
    f.plain("inc r", 0x40, 2 | 4, 0, 0, InsnForm.OPCODE_REG);
    f.plain("dec r", 0x48, 2 | 4, 0, 0, InsnForm.OPCODE_REG);
    f.plain("pusha", 0x60, 2 | 4, 0, 0, STACK);
    f.plain("popa", 0x61, 2 | 4, 0, 0, STACK | InsnForm.INSIDE);
    f.rm("82", 0x82, 0, 1, 1, 0, 0);
    f.rm("82", 0x82, 7, 1, 1, 0, 0);
    f.stack(2 | 4);
    return f.forms;
  }

  private void add(
      String name,
      int[] opcode,
      int modrm,
      Operands operands,
      int widths,
      int imm,
      int undefined,
      int traits) {
    forms.add(new InsnForm(name, opcode, modrm, operands, widths, imm, undefined, traits));
  }

  private static int[] bytes(int opcode) {
    return opcode > 0xFFFF
        ? new int[] {opcode >> 16, opcode >> 8 & 0xFF, opcode & 0xFF}
        : opcode > 0xFF ? new int[] {opcode >> 8, opcode & 0xFF} : new int[] {opcode};
  }

  private void rm(
      String name, int opcode, int modrm, int widths, int imm, int undefined, int traits) {
    add(name, bytes(opcode), modrm, Operands.REGISTER_OR_MEMORY, widths, imm, undefined, traits);
  }

  private void m(
      String name, int opcode, int modrm, int widths, int imm, int undefined, int traits) {
    add(name, bytes(opcode), modrm, Operands.MEMORY, widths, imm, undefined, traits);
  }

  private void plain(String name, int opcode, int widths, int imm, int undefined, int traits) {
    add(name, bytes(opcode), NO_MODRM, Operands.REGISTER, widths, imm, undefined, traits);
  }

  /** A pair of opcodes for bytes and for the operand size. */
  private void both(String name, int opcode, int modrm, int undefined, int traits) {
    rm(name + " 8", opcode, modrm, 1, 0, undefined, traits);
    rm(name, opcode + 1, modrm, V, 0, undefined, traits);
  }

  private void common() {
    arithmetic();
    shifts();
    multiplications();
    bits();
    moves();
    branches();
    strings();
  }

  private void arithmetic() {
    String[] names = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
    for (int i = 0; i < 8; i++) {
      int undefined = i == 1 || i == 4 || i == 6 ? Flags.AF : 0;
      int lock = i == 7 ? 0 : LOCK;
      both(names[i] + " rm,r", 8 * i, R, undefined, lock);
      both(names[i] + " r,rm", 8 * i + 2, R, undefined, 0);
      plain(names[i] + " al,i", 8 * i + 4, 1, 1, undefined, 0);
      plain(names[i] + " rax,i", 8 * i + 5, V, IMM_Z, undefined, 0);
      rm(names[i] + " rm8,i8", 0x80, i, 1, 1, undefined, lock);
      rm(names[i] + " rm,i", 0x81, i, V, IMM_Z, undefined, lock);
      rm(names[i] + " rm,i8", 0x83, i, V, 1, undefined, lock);
    }
    both("test rm,r", 0x84, R, Flags.AF, 0);
    plain("test al,i", 0xA8, 1, 1, Flags.AF, 0);
    plain("test rax,i", 0xA9, V, IMM_Z, Flags.AF, 0);
    for (int i = 0; i < 2; i++) {
      rm("test rm8,i", 0xF6, i, 1, 1, Flags.AF, 0);
      rm("test rm,i", 0xF7, i, V, IMM_Z, Flags.AF, 0);
    }
    both("not", 0xF6, 2, 0, LOCK);
    both("neg", 0xF6, 3, 0, LOCK);
    both("inc", 0xFE, 0, 0, LOCK);
    both("dec", 0xFE, 1, 0, LOCK);
    both("xadd", 0x0FC0, R, 0, LOCK);
    both("cmpxchg", 0x0FB0, R, 0, LOCK | InsnForm.COMPARES);
    m("cmpxchg8b", 0x0FC7, 1, 4 | 8, 0, 0, LOCK | InsnForm.COMPARES | InsnForm.WIDE);
    both("xchg", 0x86, R, 0, LOCK);
    plain("xchg rax,r", 0x90, V, 0, 0, InsnForm.OPCODE_REG);
    for (int opcode : new int[] {0xF5, 0xF8, 0xF9, 0xFC, 0xFD, 0x9E, 0x9F}) {
      plain("flags", opcode, 1, 0, 0, 0);
    }
  }

  private void shifts() {
    String[] names = {"rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"};
    for (int i = 0; i < 8; i++) {
      // Defined for a count of 1 only: OF; undefined: AF, and CF of counts from the width on.
      int one = i < 4 ? 0 : Flags.AF;
      int more = i < 4 ? Flags.OF : Flags.AF | Flags.OF;
      int narrow = i < 4 || i == 7 ? more : more | Flags.CF;
      both(names[i] + " 1", 0xD0, i, one, 0);
      both(names[i] + " cl", 0xD2, i, narrow, 0);
      rm(names[i] + " rm8,i", 0xC0, i, 1, 1, narrow, 0);
      rm(names[i] + " rm,i", 0xC1, i, V, 1, narrow, 0);
    }
    int undefined = Flags.AF | Flags.OF;
    rm("shld i", 0x0FA4, R, 4 | 8, 1, undefined, 0);
    rm("shld cl", 0x0FA5, R, 4 | 8, 0, undefined, 0);
    rm("shrd i", 0x0FAC, R, 4 | 8, 1, undefined, 0);
    rm("shrd cl", 0x0FAD, R, 4 | 8, 0, undefined, 0);
    rm("shld16 i", 0x0FA4, R, 2, 1, undefined, InsnForm.SHORT_COUNT);
    rm("shrd16 i", 0x0FAC, R, 2, 1, undefined, InsnForm.SHORT_COUNT);
  }

  private void multiplications() {
    int product = Flags.SF | Flags.ZF | Flags.AF | Flags.PF;
    both("mul", 0xF6, 4, product, 0);
    both("imul", 0xF6, 5, product, 0);
    both("div", 0xF6, 6, Flags.ARITHMETIC, InsnForm.DIVISION);
    both("idiv", 0xF6, 7, Flags.ARITHMETIC, InsnForm.DIVISION);
    rm("imul r,rm", 0x0FAF, R, V, 0, product, 0);
    rm("imul r,rm,i", 0x69, R, V, IMM_Z, product, 0);
    rm("imul r,rm,i8", 0x6B, R, V, 1, product, 0);
    plain("cbw", 0x98, V, 0, 0, 0);
    plain("cwd", 0x99, V, 0, 0, 0);
  }

  private void bits() {
    int undefined = Flags.OF | Flags.SF | Flags.AF | Flags.PF;
    int[] opcodes = {0xA3, 0xAB, 0xB3, 0xBB};
    for (int i = 0; i < 4; i++) {
      rm(
          "bt* r",
          0x0F00 + opcodes[i],
          R,
          V,
          0,
          undefined,
          InsnForm.BIT_STRING | (i == 0 ? 0 : LOCK));
      rm("bt* i", 0x0FBA, 4 + i, V, 1, undefined, i == 0 ? 0 : LOCK);
    }
    int scan = undefined | Flags.CF;
    rm("bsf", 0x0FBC, R, V, 0, scan, 0);
    rm("bsr", 0x0FBD, R, V, 0, scan, 0);
    rm("popcnt", 0xF30FB8, R, V, 0, 0, 0);
    for (int i = 0; i < 16; i++) {
      rm("set" + i, 0x0F90 + i, 0, 1, 0, 0, 0);
      rm("cmov" + i, 0x0F40 + i, R, V, 0, 0, 0);
    }
    plain("bswap", 0x0FC8, 4 | 8, 0, 0, InsnForm.OPCODE_REG);
  }

  private void moves() {
    both("mov rm,r", 0x88, R, 0, 0);
    both("mov r,rm", 0x8A, R, 0, 0);
    rm("mov rm8,i", 0xC6, 0, 1, 1, 0, 0);
    rm("mov rm,i", 0xC7, 0, V, IMM_Z, 0, 0);
    plain("mov r8,i", 0xB0, 1, 1, 0, InsnForm.OPCODE_REG);
    plain("mov r,i", 0xB8, V, IMM_V, 0, InsnForm.OPCODE_REG);
    plain("mov al,moffs", 0xA0, 1, 0, 0, InsnForm.MOFFS);
    plain("mov rax,moffs", 0xA1, V, 0, 0, InsnForm.MOFFS);
    plain("mov moffs,al", 0xA2, 1, 0, 0, InsnForm.MOFFS);
    plain("mov moffs,rax", 0xA3, V, 0, 0, InsnForm.MOFFS);
    for (int opcode : new int[] {0x0FB6, 0x0FB7, 0x0FBE, 0x0FBF}) {
      rm("movzx/sx", opcode, R, V, 0, 0, 0);
    }
    m("lea", 0x8D, R, V, 0, 0, 0);
    rm("lea of a register", 0x8D, R, V, 0, 0, 0);
    m("movnti", 0x0FC3, R, 4 | 8, 0, 0, 0);
    plain("xlat", 0xD7, 1, 0, 0, InsnForm.TABLE);
    rm("nop", 0x0F1F, 0, V, 0, 0, 0);
    plain("pause", 0xF390, 4, 0, 0, 0);
    plain("ud2", 0x0F0B, 4, 0, 0, 0);
    rm("ud1", 0x0FB9, R, 4, 0, 0, 0);
    rm("c7/1", 0xC7, 1, 4, 4, 0, 0);
    rm("fe/7", 0xFE, 7, 1, 0, 0, 0);
    rm("ff/7", 0xFF, 7, 4, 0, 0, 0);
    rm("ba/3", 0x0FBA, 3, 4, 1, 0, 0);
  }

  /**
   * Pushes, pops and frames; {@code widths} are the stack's operand sizes, 8 standing for no prefix
   * in 64-bit mode.
   */
  private void stack(int widths) {
    int noPrefix = widths & 2 | 4; // REX.W changes nothing, so "4" draws no prefix in both modes
    plain("push r", 0x50, noPrefix | widths, 0, 0, STACK | InsnForm.OPCODE_REG);
    plain("pop r", 0x58, noPrefix | widths, 0, 0, STACK | InsnForm.OPCODE_REG);
    plain("push i", 0x68, noPrefix | widths, IMM_Z, 0, STACK);
    plain("push i8", 0x6A, noPrefix | widths, 1, 0, STACK);
    rm("push rm", 0xFF, 6, noPrefix | widths, 0, 0, STACK);
    rm("pop rm", 0x8F, 0, noPrefix | widths, 0, 0, STACK);
    plain("leave", 0xC9, noPrefix | widths, 0, 0, InsnForm.FRAME);
    // An address that uses RSP: POP takes its value after the increment.
    int inside = STACK | InsnForm.INSIDE;
    int[] push = {0xFF, 0x74, 0x24, 0x10};
    int[] pop = {0x8F, 0x44, 0x24, 0x10};
    add("push [rsp+16]", push, NO_MODRM, Operands.REGISTER, noPrefix | widths, 0, 0, inside);
    add("pop [rsp+16]", pop, NO_MODRM, Operands.REGISTER, noPrefix | widths, 0, 0, inside);
    add(
        "enter 0",
        new int[] {0xC8, 0x08, 0x00, 0x00},
        NO_MODRM,
        Operands.REGISTER,
        noPrefix,
        0,
        0,
        STACK);
    add(
        "enter 1",
        new int[] {0xC8, 0x08, 0x00, 0x01},
        NO_MODRM,
        Operands.REGISTER,
        noPrefix,
        0,
        0,
        STACK);
    int frames = STACK | InsnForm.FRAME;
    add(
        "enter 4",
        new int[] {0xC8, 0x08, 0x00, 0x04},
        NO_MODRM,
        Operands.REGISTER,
        noPrefix,
        0,
        0,
        frames);
  }

  private void branches() {
    for (int i = 0; i < 16; i++) {
      plain("jcc8", 0x70 + i, 4, 1, 0, InsnForm.BRANCH);
      add(
          "jcc32",
          new int[] {0x0F, 0x80 + i, 0x10, 1, 0, 0},
          NO_MODRM,
          Operands.REGISTER,
          4,
          0,
          0,
          InsnForm.BRANCH);
    }
    for (int i = 0; i < 4; i++) {
      plain("loop", 0xE0 + i, 4, 1, 0, 0);
    }
    plain("jmp8", 0xEB, 4, 1, 0, InsnForm.BRANCH);
    add(
        "jmp32",
        new int[] {0xE9, 0x10, 1, 0, 0},
        NO_MODRM,
        Operands.REGISTER,
        4,
        0,
        0,
        InsnForm.BRANCH);
    add(
        "call",
        new int[] {0xE8, 0x10, 1, 0, 0},
        NO_MODRM,
        Operands.REGISTER,
        4,
        0,
        0,
        InsnForm.BRANCH | STACK);
    add(
        "ret",
        new int[] {0xC3},
        NO_MODRM,
        Operands.REGISTER,
        4,
        0,
        0,
        InsnForm.BRANCH | STACK | InsnForm.RETURNS);
    add(
        "ret i",
        new int[] {0xC2, 9, 0},
        NO_MODRM,
        Operands.REGISTER,
        4,
        0,
        0,
        InsnForm.BRANCH | STACK | InsnForm.RETURNS);
    // If both the target and the push fault, AMD's processors report the push, Intel's the target.
    rm("call rm", 0xFF, 2, 4, 0, 0, InsnForm.BRANCH | STACK | InsnForm.RETURNS | InsnForm.INSIDE);
    rm("jmp rm", 0xFF, 4, 4, 0, 0, InsnForm.BRANCH | InsnForm.RETURNS);
  }

  private void strings() {
    for (int opcode : new int[] {0xA4, 0xA6, 0xAA, 0xAC, 0xAE}) {
      int traits = InsnForm.STRING | (opcode == 0xA6 ? InsnForm.TWO_READS : 0);
      plain("string8", opcode, 1, 0, 0, traits);
      plain("string", opcode + 1, V, 0, 0, traits);
    }
  }
}
