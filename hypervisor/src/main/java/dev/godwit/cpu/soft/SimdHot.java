package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.PackedInteger;
import org.jspecify.annotations.Nullable;

/**
 * Nodes of their own for the packed integer instructions between XMM registers that string
 * functions are made of.
 */
final class SimdHot {
  private SimdHot() {}

  /**
   * Returns the special node for the opcode 66 0F xx between registers (indices of their low
   * halves), or null.
   */
  static @Nullable Insn decode(DecodeContext d, int opcode, int dst, int src) {
    return switch (opcode) {
      case 0xEF -> new Xor(d, dst, src);
      case 0xEB -> new Or(d, dst, src);
      case 0xDB -> new And(d, dst, src);
      case 0xDF -> new AndNot(d, dst, src);
      case 0x74 -> new EqualBytes(d, dst, src);
      case 0xDA -> new MinBytes(d, dst, src);
      case 0xF8 -> new SubtractBytes(d, dst, src);
      case 0xD4 -> new AddQwords(d, dst, src);
      case 0xFE -> new AddDwords(d, dst, src);
      default -> null;
    };
  }

  private abstract static class RegisterPair extends Insn {
    final int dst;
    final int src;

    RegisterPair(DecodeContext d, int dst, int src) {
      super(d);
      this.dst = dst;
      this.src = src;
    }
  }

  private static final class Xor extends RegisterPair {
    Xor(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = x[dst] ^ x[src];
      x[dst + 1] = x[dst + 1] ^ x[src + 1];
    }
  }

  private static final class Or extends RegisterPair {
    Or(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = x[dst] | x[src];
      x[dst + 1] = x[dst + 1] | x[src + 1];
    }
  }

  private static final class And extends RegisterPair {
    And(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = x[dst] & x[src];
      x[dst + 1] = x[dst + 1] & x[src + 1];
    }
  }

  private static final class AndNot extends RegisterPair {
    AndNot(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = ~x[dst] & x[src];
      x[dst + 1] = ~x[dst + 1] & x[src + 1];
    }
  }

  private static final class EqualBytes extends RegisterPair {
    EqualBytes(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = PackedInteger.equalBytes(x[dst], x[src]);
      x[dst + 1] = PackedInteger.equalBytes(x[dst + 1], x[src + 1]);
    }
  }

  private static final class MinBytes extends RegisterPair {
    MinBytes(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = PackedInteger.minUnsignedBytes(x[dst], x[src]);
      x[dst + 1] = PackedInteger.minUnsignedBytes(x[dst + 1], x[src + 1]);
    }
  }

  private static final class SubtractBytes extends RegisterPair {
    SubtractBytes(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = PackedInteger.subtractBytes(x[dst], x[src]);
      x[dst + 1] = PackedInteger.subtractBytes(x[dst + 1], x[src + 1]);
    }
  }

  private static final class AddQwords extends RegisterPair {
    AddQwords(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = x[dst] + x[src];
      x[dst + 1] = x[dst + 1] + x[src + 1];
    }
  }

  private static final class AddDwords extends RegisterPair {
    AddDwords(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long[] x = c.xmm;
      x[dst] = PackedInteger.addDwords(x[dst], x[src]);
      x[dst + 1] = PackedInteger.addDwords(x[dst + 1], x[src + 1]);
    }
  }
}
