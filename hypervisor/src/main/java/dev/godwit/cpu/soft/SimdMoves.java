package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.PackedInteger;
import org.jspecify.annotations.Nullable;

/** Moves between XMM, MMX and general registers and memory, and shuffles. */
final class SimdMoves {
  private static final int NONE = SimdOpcodes.NONE;
  private static final int P66 = SimdOpcodes.P66;
  private static final int PF3 = SimdOpcodes.PF3;
  private static final int PF2 = SimdOpcodes.PF2;
  private static final int RDI = 7;

  private SimdMoves() {}

  /** Decodes a move; null if there is none with that opcode and prefix. */
  static @Nullable Insn decode(DecodeContext d, int prefix) {
    return switch (d.opcode()) {
      case 0x10 -> prefix <= P66 ? load(d, false) : loadScalar(d, prefix == PF2);
      case 0x11 -> prefix <= P66 ? store(d, false) : storeScalar(d, prefix == PF2);
      case 0x12, 0x16 -> prefix <= P66 ? loadHalf(d, prefix) : null;
      case 0x13, 0x17 ->
          prefix <= P66 && !d.isRegister() ? storeHalf(d, d.opcode() == 0x17 ? 1 : 0) : null;
      case 0x28 -> prefix <= P66 ? load(d, true) : null;
      case 0x29 -> prefix <= P66 ? store(d, true) : null;
      case 0x2B -> prefix <= P66 && !d.isRegister() ? store(d, true) : null;
      case 0x50 -> prefix <= P66 && d.isRegister() ? moveMask(d, prefix == P66) : null;
      case 0x6E -> prefix == P66 ? fromGeneral(d) : prefix == NONE ? mmxFromGeneral(d) : null;
      case 0x7E ->
          switch (prefix) {
            case P66 -> toGeneral(d);
            case NONE -> mmxToGeneral(d);
            case PF3 -> loadLow64(d);
            default -> null;
          };
      case 0x6F ->
          prefix == P66 || prefix == PF3
              ? load(d, prefix == P66)
              : prefix == NONE ? mmxLoad(d) : null;
      case 0x7F ->
          prefix == P66 || prefix == PF3
              ? store(d, prefix == P66)
              : prefix == NONE ? mmxStore(d) : null;
      case 0x70 -> shuffle(d, prefix);
      case 0xC4 -> prefix <= P66 ? insertWord(d, prefix == P66) : null;
      case 0xC5 -> prefix <= P66 && d.isRegister() ? extractWord(d, prefix == P66) : null;
      case 0xC6 -> prefix <= P66 ? shuffleFloats(d, prefix == P66) : null;
      case 0xD6 ->
          switch (prefix) {
            case P66 -> storeLow64(d);
            case PF3 -> d.isRegister() ? mmxToXmm(d) : null;
            case PF2 -> d.isRegister() ? xmmToMmx(d) : null;
            default -> null;
          };
      case 0xD7 -> prefix <= P66 && d.isRegister() ? byteMask(d, prefix == P66) : null;
      case 0xE7 ->
          d.isRegister()
              ? null
              : prefix == P66 ? store(d, true) : prefix == NONE ? mmxStore(d) : null;
      case 0xF7 -> prefix <= P66 && d.isRegister() ? maskedStore(d, prefix == P66) : null;
      default -> null;
    };
  }

  private static Insn load(DecodeContext d, boolean aligned) {
    if (d.isRegister()) {
      return new Copy(d, 2 * d.reg(), 2 * d.rm());
    }
    MemOperand m = d.mem();
    return aligned ? new LoadAligned(d, 2 * d.reg(), m) : new LoadUnaligned(d, 2 * d.reg(), m);
  }

  private static Insn store(DecodeContext d, boolean aligned) {
    if (d.isRegister()) {
      return new Copy(d, 2 * d.rm(), 2 * d.reg());
    }
    MemOperand m = d.mem();
    return aligned ? new StoreAligned(d, m, 2 * d.reg()) : new StoreUnaligned(d, m, 2 * d.reg());
  }

  /**
   * MOVSS and MOVSD to a register: from memory they clear the rest, from a register they keep it.
   */
  private static Insn loadScalar(DecodeContext d, boolean wide) {
    int dst = 2 * d.reg();
    if (d.isRegister()) {
      return copyScalar(d, dst, 2 * d.rm(), wide);
    }
    MemOperand m = d.mem();
    if (wide) {
      return new LoadLow64(d, dst, m);
    }
    return new SseInsn(d, c -> setLow(c, dst, c.read32(m.forRead(c, 4)) & 0xFFFF_FFFFL));
  }

  private static Insn storeScalar(DecodeContext d, boolean wide) {
    int src = 2 * d.reg();
    if (d.isRegister()) {
      return copyScalar(d, 2 * d.rm(), src, wide);
    }
    MemOperand m = d.mem();
    return wide
        ? new Store64(d, m, src)
        : new SseInsn(d, c -> c.write32(m.forWrite(c, 4), (int) c.xmm[src]));
  }

  private static Insn copyScalar(DecodeContext d, int dst, int src, boolean wide) {
    return wide
        ? new SseInsn(d, c -> c.xmm[dst] = c.xmm[src])
        : new SseInsn(d, c -> c.xmm[dst] = withLow32(c.xmm[dst], (int) c.xmm[src]));
  }

  static long withLow32(long whole, int low) {
    return whole & 0xFFFF_FFFF_0000_0000L | low & 0xFFFF_FFFFL;
  }

  private static void setLow(SoftCpu c, int dst, long low) {
    c.xmm[dst] = low;
    c.xmm[dst + 1] = 0;
  }

  /** MOVLPx, MOVHPx from memory; MOVHLPS and MOVLHPS between registers. */
  private static @Nullable Insn loadHalf(DecodeContext d, int prefix) {
    int half = d.opcode() == 0x16 ? 1 : 0;
    int dst = 2 * d.reg() + half;
    if (d.isRegister()) {
      int src = 2 * d.rm() + 1 - half;
      return prefix == P66 ? null : new SseInsn(d, c -> c.xmm[dst] = c.xmm[src]);
    }
    MemOperand m = d.mem();
    return new SseInsn(d, c -> c.xmm[dst] = c.read64(m.forRead(c, 8)));
  }

  private static Insn storeHalf(DecodeContext d, int half) {
    return new Store64(d, d.mem(), 2 * d.reg() + half);
  }

  /** MOVQ xmm, xmm/m64. */
  private static Insn loadLow64(DecodeContext d) {
    int dst = 2 * d.reg();
    if (!d.isRegister()) {
      return new LoadLow64(d, dst, d.mem());
    }
    int src = 2 * d.rm();
    return new SseInsn(d, c -> setLow(c, dst, c.xmm[src]));
  }

  /** MOVQ xmm/m64, xmm. */
  private static Insn storeLow64(DecodeContext d) {
    int src = 2 * d.reg();
    if (!d.isRegister()) {
      return new Store64(d, d.mem(), src);
    }
    int dst = 2 * d.rm();
    return new SseInsn(d, c -> setLow(c, dst, c.xmm[src]));
  }

  /** MOVD and MOVQ xmm, r/m. */
  private static Insn fromGeneral(DecodeContext d) {
    int dst = 2 * d.reg();
    boolean wide = d.rexW();
    if (!d.isRegister()) {
      MemOperand m = d.mem();
      return wide
          ? new LoadLow64(d, dst, m)
          : new SseInsn(d, c -> setLow(c, dst, c.read32(m.forRead(c, 4)) & 0xFFFF_FFFFL));
    }
    int src = d.rm();
    long mask = wide ? -1 : 0xFFFF_FFFFL;
    return new SseInsn(d, c -> setLow(c, dst, c.regs[src] & mask));
  }

  /** MOVD and MOVQ r/m, xmm. */
  private static Insn toGeneral(DecodeContext d) {
    int src = 2 * d.reg();
    boolean wide = d.rexW();
    if (!d.isRegister()) {
      MemOperand m = d.mem();
      return wide
          ? new Store64(d, m, src)
          : new SseInsn(d, c -> c.write32(m.forWrite(c, 4), (int) c.xmm[src]));
    }
    int dst = d.rm();
    long mask = wide ? -1 : 0xFFFF_FFFFL;
    return new SseInsn(d, c -> c.regs[dst] = c.xmm[src] & mask);
  }

  private static Insn mmxFromGeneral(DecodeContext d) {
    int dst = d.regField();
    boolean wide = d.rexW();
    if (!d.isRegister()) {
      MemOperand m = d.mem();
      return wide
          ? new MmxInsn(d, c -> c.x87.setMmx(dst, c.read64(m.forRead(c, 8))))
          : new MmxInsn(d, c -> c.x87.setMmx(dst, c.read32(m.forRead(c, 4)) & 0xFFFF_FFFFL));
    }
    int src = d.rm();
    long mask = wide ? -1 : 0xFFFF_FFFFL;
    return new MmxInsn(d, c -> c.x87.setMmx(dst, c.regs[src] & mask));
  }

  private static Insn mmxToGeneral(DecodeContext d) {
    int src = d.regField();
    boolean wide = d.rexW();
    if (!d.isRegister()) {
      MemOperand m = d.mem();
      return wide
          ? new MmxInsn(d, c -> c.write64(m.forWrite(c, 8), c.x87.mmx(src)))
          : new MmxInsn(d, c -> c.write32(m.forWrite(c, 4), (int) c.x87.mmx(src)));
    }
    int dst = d.rm();
    long mask = wide ? -1 : 0xFFFF_FFFFL;
    return new MmxInsn(d, c -> c.regs[dst] = c.x87.mmx(src) & mask);
  }

  private static Insn mmxLoad(DecodeContext d) {
    SimdSource src = SimdSource.mmx(d);
    int dst = d.regField();
    return new MmxInsn(d, c -> c.x87.setMmx(dst, src.mmx(c)));
  }

  private static Insn mmxStore(DecodeContext d) {
    int src = d.regField();
    if (d.isRegister()) {
      int dst = d.rmField();
      return new MmxInsn(d, c -> c.x87.setMmx(dst, c.x87.mmx(src)));
    }
    MemOperand m = d.mem();
    return new MmxInsn(d, c -> c.write64(m.forWrite(c, 8), c.x87.mmx(src)));
  }

  private static Insn mmxToXmm(DecodeContext d) {
    int dst = 2 * d.reg();
    int src = d.rmField();
    return new MmxInsn(
        d,
        c -> {
          Sse.check(c);
          setLow(c, dst, c.x87.mmx(src));
        });
  }

  private static Insn xmmToMmx(DecodeContext d) {
    int dst = d.regField();
    int src = 2 * d.rm();
    return new MmxInsn(
        d,
        c -> {
          Sse.check(c);
          c.x87.setMmx(dst, c.xmm[src]);
        });
  }

  /** PSHUFD, PSHUFLW, PSHUFHW, PSHUFW. */
  private static Insn shuffle(DecodeContext d, int prefix) {
    if (prefix == NONE) {
      SimdSource src = SimdSource.mmx(d);
      int dst = d.regField();
      int order = d.imm8() & 0xFF;
      return new MmxInsn(d, c -> c.x87.setMmx(dst, PackedInteger.shuffleWords(src.mmx(c), order)));
    }
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    int order = d.imm8() & 0xFF;
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = src.half(c, lin, 0);
          long high = src.half(c, lin, 1);
          if (prefix == P66) {
            c.xmm[dst] = dword(low, high, order) | dword(low, high, order >> 2) << 32;
            c.xmm[dst + 1] = dword(low, high, order >> 4) | dword(low, high, order >> 6) << 32;
          } else {
            c.xmm[dst] = prefix == PF2 ? PackedInteger.shuffleWords(low, order) : low;
            c.xmm[dst + 1] = prefix == PF3 ? PackedInteger.shuffleWords(high, order) : high;
          }
        });
  }

  /** One of four dwords, by the low two bits of {@code which}, zero-extended. */
  private static long dword(long low, long high, int which) {
    return ((which & 2) == 0 ? low : high) >>> 32 * (which & 1) & 0xFFFF_FFFFL;
  }

  /** SHUFPS and SHUFPD: the low half from the destination, the high half from the source. */
  private static Insn shuffleFloats(DecodeContext d, boolean wide) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    int order = d.imm8() & 0xFF;
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long srcLow = src.half(c, lin, 0);
          long srcHigh = src.half(c, lin, 1);
          long low = c.xmm[dst];
          long high = c.xmm[dst + 1];
          if (wide) {
            c.xmm[dst] = (order & 1) == 0 ? low : high;
            c.xmm[dst + 1] = (order & 2) == 0 ? srcLow : srcHigh;
          } else {
            c.xmm[dst] = dword(low, high, order) | dword(low, high, order >> 2) << 32;
            c.xmm[dst + 1] =
                dword(srcLow, srcHigh, order >> 4) | dword(srcLow, srcHigh, order >> 6) << 32;
          }
        });
  }

  /** MOVMSKPS and MOVMSKPD. */
  private static Insn moveMask(DecodeContext d, boolean wide) {
    int dst = d.reg();
    int src = 2 * d.rm();
    return wide
        ? new SseInsn(d, c -> c.regs[dst] = c.xmm[src] >>> 63 | c.xmm[src + 1] >>> 63 << 1)
        : new SseInsn(d, c -> c.regs[dst] = signs32(c.xmm[src]) | signs32(c.xmm[src + 1]) << 2);
  }

  private static long signs32(long x) {
    return x >>> 31 & 1 | x >>> 63 << 1;
  }

  private static Insn byteMask(DecodeContext d, boolean xmm) {
    int dst = d.reg();
    if (xmm) {
      return new ByteMask(d, dst, 2 * d.rm());
    }
    int src = d.rmField();
    return new MmxInsn(d, c -> c.regs[dst] = PackedInteger.byteSigns(c.x87.mmx(src)));
  }

  /** PINSRW. */
  private static Insn insertWord(DecodeContext d, boolean xmm) {
    boolean register = d.isRegister();
    int from = d.rm();
    @Nullable MemOperand m = register ? null : d.mem();
    int dst = xmm ? 2 * d.reg() : d.regField();
    int which = d.imm8();
    int shift = 16 * (which & 3);
    long keep = ~(0xFFFFL << shift);
    if (!xmm) {
      return new MmxInsn(
          d, c -> c.x87.setMmx(dst, c.x87.mmx(dst) & keep | word(c, m, from) << shift));
    }
    int at = dst + (which >> 2 & 1);
    return new SseInsn(d, c -> c.xmm[at] = c.xmm[at] & keep | word(c, m, from) << shift);
  }

  private static long word(SoftCpu c, @Nullable MemOperand m, int register) {
    return m == null ? c.regs[register] & 0xFFFF : c.read16(m.forRead(c, 2));
  }

  /** PEXTRW. */
  private static Insn extractWord(DecodeContext d, boolean xmm) {
    int dst = d.reg();
    int src = xmm ? 2 * d.rm() : d.rmField();
    int which = d.imm8();
    int shift = 16 * (which & 3);
    if (!xmm) {
      return new MmxInsn(d, c -> c.regs[dst] = c.x87.mmx(src) >>> shift & 0xFFFF);
    }
    int at = src + (which >> 2 & 1);
    return new SseInsn(d, c -> c.regs[dst] = c.xmm[at] >>> shift & 0xFFFF);
  }

  /** MASKMOVQ and MASKMOVDQU: the bytes whose mask has its top bit set, to DS:rDI. */
  private static Insn maskedStore(DecodeContext d, boolean xmm) {
    MemOperand to =
        new MemOperand(
            RDI,
            DecodeContext.NO_REGISTER,
            0,
            0,
            d.addressSize(),
            d.segmentOr(DecodeContext.DS),
            !d.is64());
    int src = xmm ? 2 * d.reg() : d.regField();
    int mask = xmm ? 2 * d.rm() : d.rmField();
    if (!xmm) {
      return new MmxInsn(d, c -> storeMasked(c, to, 8, c.x87.mmx(src), 0, c.x87.mmx(mask), 0));
    }
    return new SseInsn(
        d, c -> storeMasked(c, to, 16, c.xmm[src], c.xmm[src + 1], c.xmm[mask], c.xmm[mask + 1]));
  }

  private static void storeMasked(
      SoftCpu c, MemOperand to, int bytes, long low, long high, long maskLow, long maskHigh) {
    int selected = PackedInteger.byteSigns(maskLow) | PackedInteger.byteSigns(maskHigh) << 8;
    // Every fault comes before the first store; bytes that are not selected cannot fault.
    for (int i = 0; i < bytes; i++) {
      if ((selected >> i & 1) != 0) {
        c.probeWrite(to.forWrite(c, i, 1), 1);
      }
    }
    for (int i = 0; i < bytes; i++) {
      if ((selected >> i & 1) != 0) {
        c.write8(to.forWrite(c, i, 1), (int) ((i < 8 ? low : high) >>> 8 * (i & 7)) & 0xFF);
      }
    }
  }

  /** MOVAPS and relatives between registers. */
  private static final class Copy extends Insn {
    private final int dst;
    private final int src;

    Copy(DecodeContext d, int dst, int src) {
      super(d);
      this.dst = dst;
      this.src = src;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      c.xmm[dst] = c.xmm[src];
      c.xmm[dst + 1] = c.xmm[src + 1];
    }
  }

  private static final class LoadUnaligned extends Insn {
    private final int dst;
    private final MemOperand m;

    LoadUnaligned(DecodeContext d, int dst, MemOperand m) {
      super(d);
      this.dst = dst;
      this.m = m;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      c.read128(m.forRead(c, 16), c.xmm, dst);
    }
  }

  private static final class LoadAligned extends Insn {
    private final int dst;
    private final MemOperand m;

    LoadAligned(DecodeContext d, int dst, MemOperand m) {
      super(d);
      this.dst = dst;
      this.m = m;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      c.read128(Sse.alignedRead(c, m), c.xmm, dst);
    }
  }

  private static final class StoreUnaligned extends Insn {
    private final MemOperand m;
    private final int src;

    StoreUnaligned(DecodeContext d, MemOperand m, int src) {
      super(d);
      this.m = m;
      this.src = src;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      c.write128(m.forWrite(c, 16), c.xmm[src], c.xmm[src + 1]);
    }
  }

  private static final class StoreAligned extends Insn {
    private final MemOperand m;
    private final int src;

    StoreAligned(DecodeContext d, MemOperand m, int src) {
      super(d);
      this.m = m;
      this.src = src;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      c.write128(Sse.alignedWrite(c, m), c.xmm[src], c.xmm[src + 1]);
    }
  }

  /** Loads 64 bits and clears the high half. */
  private static final class LoadLow64 extends Insn {
    private final int dst;
    private final MemOperand m;

    LoadLow64(DecodeContext d, int dst, MemOperand m) {
      super(d);
      this.dst = dst;
      this.m = m;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      setLow(c, dst, c.read64(m.forRead(c, 8)));
    }
  }

  /** Stores one half of a register. */
  private static final class Store64 extends Insn {
    private final MemOperand m;
    private final int src;

    Store64(DecodeContext d, MemOperand m, int src) {
      super(d);
      this.m = m;
      this.src = src;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      c.write64(m.forWrite(c, 8), c.xmm[src]);
    }
  }

  /** PMOVMSKB of an XMM register. */
  private static final class ByteMask extends Insn {
    private final int dst;
    private final int src;

    ByteMask(DecodeContext d, int dst, int src) {
      super(d);
      this.dst = dst;
      this.src = src;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      c.regs[dst] =
          PackedInteger.byteSigns(c.xmm[src]) | PackedInteger.byteSigns(c.xmm[src + 1]) << 8;
    }
  }
}
