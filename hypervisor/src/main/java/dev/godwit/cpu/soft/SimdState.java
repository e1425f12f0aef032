package dev.godwit.cpu.soft;

import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, fences, CLFLUSH and EMMS. */
final class SimdState {
  private SimdState() {}

  /** Decodes an instruction of this kind; null if there is none with that opcode and prefix. */
  static @Nullable Insn decode(DecodeContext d, int prefix) {
    return switch (d.opcode()) {
      case 0x77 -> prefix == SimdOpcodes.NONE ? emms(d) : null;
      default -> prefix == SimdOpcodes.NONE ? group15(d) : null;
    };
  }

  private static Insn emms(DecodeContext d) {
    return new Emms(d);
  }

  private static @Nullable Insn group15(DecodeContext d) {
    if (d.isRegister()) {
      // LFENCE, MFENCE, SFENCE.
      return switch (d.regField()) {
        case 5, 6, 7 -> new Fence(d);
        default -> null;
      };
    }
    MemOperand m = d.mem();
    boolean wide = d.rexW();
    return switch (d.regField()) {
      case 0 -> new Fxsave(d, m, wide);
      case 1 -> new Fxrstor(d, m, wide);
      case 2 -> new SseInsn(d, c -> c.sse.load(c.read32(m.forRead(c, 4))));
      case 3 -> new SseInsn(d, c -> c.write32(m.forWrite(c, 4), c.sse.control.mxcsr()));
      case 7 -> new Clflush(d, m);
      default -> null;
    };
  }

  /** A full fence for every kind: vCPUs are host threads and guest RAM is shared between them. */
  private static final class Fence extends Insn {
    Fence(DecodeContext d) {
      super(d);
    }

    @Override
    void execute(SoftCpu c) {
      VarHandle.fullFence();
    }
  }

  /** CLFLUSH faults as a read of one byte; the cache is the host's business. */
  private static final class Clflush extends Insn {
    private final MemOperand m;

    Clflush(DecodeContext d, MemOperand m) {
      super(d);
      this.m = m;
    }

    @Override
    void execute(SoftCpu c) {
      c.readHva(m.forRead(c, 1), 1);
    }
  }

  private static final class Emms extends Insn {
    Emms(DecodeContext d) {
      super(d);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.checkMmx(c);
      c.x87.emptyAll();
    }
  }

  private static final class Fxsave extends Insn {
    private final MemOperand m;
    private final boolean wide;
    private final boolean is64;

    Fxsave(DecodeContext d, MemOperand m, boolean wide) {
      super(d);
      this.m = m;
      this.wide = wide;
      this.is64 = d.is64();
    }

    @Override
    void execute(SoftCpu c) {
      FxImage.execute(c, m, wide, true, is64);
    }
  }

  private static final class Fxrstor extends Insn {
    private final MemOperand m;
    private final boolean wide;
    private final boolean is64;

    Fxrstor(DecodeContext d, MemOperand m, boolean wide) {
      super(d);
      this.m = m;
      this.wide = wide;
      this.is64 = d.is64();
    }

    @Override
    void execute(SoftCpu c) {
      FxImage.execute(c, m, wide, false, is64);
    }
  }
}
