package dev.godwit.cpu.soft;

/** An operand of an instruction that is being translated. */
sealed interface Operand {
  /** Width in bits, 8 to 64; an immediate fits any. */
  int bits();

  /** A general register, or the part of one that starts at bit {@code shift}. */
  record Register(int number, int bits, int shift) implements Operand {}

  /** Memory. */
  record Memory(MemOperand at, int bits) implements Operand {}

  /** A sign-extended constant. */
  record Immediate(long value) implements Operand {
    @Override
    public int bits() {
      return 64;
    }
  }

  /** A local of the translated method. */
  record Local(int slot, int bits) implements Operand {}

  static Operand r64(int number) {
    return new Register(number, 64, 0);
  }

  static Operand r32(int number) {
    return new Register(number, 32, 0);
  }

  static Operand r16(int number) {
    return new Register(number, 16, 0);
  }

  static Operand r8(int number) {
    return new Register(number, 8, 0);
  }

  static Operand imm(long value) {
    return new Immediate(value);
  }

  static Operand m(MemOperand at, int bits) {
    return new Memory(at, bits);
  }

  static Operand of(Place place) {
    return switch (place) {
      case Place.Register r -> new Register(r.number, r.bits, r.shift);
      case Place.Memory m -> new Memory(m.operand, m.bits);
    };
  }
}
