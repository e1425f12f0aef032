package dev.godwit.cpu.soft;

/**
 * Segment registers and descriptors (SDM vol. 3A 3.4, 5.2–5.9).
 *
 * <p>A raw descriptor is the 8 bytes of a table entry as one long; the static methods take it
 * apart. Attributes are descriptor bits 40–55 with the limit's bits cleared, as in {@link
 * dev.godwit.cpu.VcpuState.Segment}.
 */
final class Segments {
  static final int ACCESSED = 1;

  /** Writable for data, readable for code. */
  static final int WRITABLE = 2;

  /** Expand-down for data, conforming for code. */
  static final int CONFORMING = 4;

  static final int CODE = 8;
  static final int S = 0x10;
  static final int P = 0x80;
  static final int L = 0x2000;
  static final int DB = 0x4000;
  static final int G = 0x8000;
  static final int UNUSABLE = 0x1_0000;

  private final SoftCpu c;

  Segments(SoftCpu c) {
    this.c = c;
  }

  static int attributes(long raw) {
    return (int) (raw >>> 40) & 0xF0FF;
  }

  static long base(long raw) {
    return raw >>> 16 & 0xFF_FFFF | raw >>> 32 & 0xFF00_0000L;
  }

  static long limit(long raw) {
    long limit = raw & 0xFFFF | raw >>> 32 & 0xF_0000;
    return (attributes(raw) & G) != 0 ? limit << 12 | 0xFFF : limit;
  }

  static int dpl(int attributes) {
    return attributes >> 5 & 3;
  }

  static boolean isNull(int selector) {
    return (selector & 0xFFFC) == 0;
  }

  /** Sets a segment register with its hidden part; checks nothing. */
  void set(int seg, int selector, long base, long limit, int attributes) {
    if (seg == DecodeContext.CS && (base != c.segBase[seg] || limit != c.segLimit[seg])) {
      c.blocks.mappingChanged();
    }
    c.segSelector[seg] = selector & 0xFFFF;
    c.segBase[seg] = base;
    c.segLimit[seg] = limit;
    c.segAttributes[seg] = attributes;
    if (seg <= DecodeContext.GS) {
      computeBounds(seg);
      if (seg == DecodeContext.CS || seg == DecodeContext.SS) {
        c.updateMode();
      }
    }
  }

  /** Recomputes what offsets are allowed; after CR0.PE or RFLAGS.VM changed. */
  void computeAllBounds() {
    for (int seg = 0; seg <= DecodeContext.GS; seg++) {
      computeBounds(seg);
    }
  }

  private void computeBounds(int seg) {
    int attributes = c.segAttributes[seg];
    long limit = c.segLimit[seg];
    boolean protectedMode = c.protectedMode() && !c.virtual8086();
    if (protectedMode && ((attributes & UNUSABLE) != 0 || (attributes & P) == 0)) {
      c.segFirst[seg] = 0;
      c.segLastRead[seg] = -1;
      c.segLastWrite[seg] = -1;
      return;
    }
    boolean code = (attributes & CODE) != 0;
    boolean expandDown = !code && (attributes & CONFORMING) != 0;
    long last = !expandDown ? limit : (attributes & DB) != 0 ? 0xFFFF_FFFFL : 0xFFFF;
    boolean readable = !protectedMode || !code || (attributes & WRITABLE) != 0;
    boolean writable = !protectedMode || !code && (attributes & WRITABLE) != 0;
    c.segFirst[seg] = expandDown ? limit + 1 : 0;
    c.segLastRead[seg] = readable ? last : -1;
    c.segLastWrite[seg] = writable ? last : -1;
  }

  /**
   * Reads a descriptor from GDT or LDT.
   *
   * @param vector raised with the selector as error code when the index is beyond the table
   * @param ext bit 0 of the error code
   */
  long descriptor(int selector, int vector, int ext) {
    return c.mmu.systemRead(descriptorAddress(selector, 8, vector, ext), 8);
  }

  /** Reads the upper half of a 16-byte descriptor: base bits 63–32. */
  private long upperBase(int selector, int vector) {
    long upper = c.mmu.systemRead(descriptorAddress(selector, 16, vector, 0) + 8, 8);
    if ((upper >>> 40 & 0x1F) != 0) {
      throw GuestFault.of(vector, selector & 0xFFFC);
    }
    return upper << 32;
  }

  /** Returns the linear address of a selector's descriptor. */
  long descriptorAddress(int selector, int bytes, int vector, int ext) {
    boolean local = (selector & 4) != 0;
    long limit = local ? c.segLimit[SoftCpu.LDTR] : c.gdtLimit;
    boolean usable = !local || (c.segAttributes[SoftCpu.LDTR] & UNUSABLE) == 0;
    if (!usable || (selector & 0xFFF8) + bytes - 1 > limit) {
      throw GuestFault.of(vector, selector & 0xFFFC | ext);
    }
    return (local ? c.segBase[SoftCpu.LDTR] : c.gdtBase) + (selector & 0xFFF8);
  }

  /**
   * Sets the accessed bit of a code or data descriptor in memory, if it is clear; returns the
   * descriptor with it set.
   */
  long access(int selector, long raw) {
    if ((raw & 1L << 40) == 0) {
      long at = descriptorAddress(selector, 8, GuestFault.GP, 0);
      c.mmu.systemWrite(at + 5, 1, raw >>> 40 | ACCESSED);
    }
    return raw | 1L << 40;
  }

  /** Loads a segment register from a raw descriptor that has been checked. */
  void load(int seg, int selector, long raw) {
    set(seg, selector, base(raw), limit(raw), attributes(raw));
  }

  /** Loads a null selector. */
  void loadNull(int seg, int selector) {
    set(seg, selector, 0, 0, UNUSABLE | (seg == DecodeContext.SS ? c.cpl << 5 : 0));
  }

  /** MOV to and POP of ES, SS, DS, FS, GS; LDS and its kin. */
  void loadChecked(int seg, int selector) {
    if (!c.protectedMode() || c.virtual8086()) {
      loadReal(seg, selector);
    } else if (seg == DecodeContext.SS) {
      loadStack(selector);
    } else {
      loadData(seg, selector);
    }
  }

  /** Loads a segment in real or virtual-8086 mode. */
  void loadReal(int seg, int selector) {
    if (c.virtual8086()) {
      set(seg, selector, (long) selector << 4, 0xFFFF, 0xF3);
    } else {
      set(
          seg,
          selector,
          (long) selector << 4,
          c.segLimit[seg],
          c.segAttributes[seg] & ~UNUSABLE | P);
    }
  }

  private void loadStack(int selector) {
    int rpl = selector & 3;
    if (isNull(selector)) {
      if (c.codeBits != 64 || c.cpl == 3 || rpl != c.cpl) {
        throw GuestFault.of(GuestFault.GP);
      }
      loadNull(DecodeContext.SS, selector);
      return;
    }
    long raw = descriptor(selector, GuestFault.GP, 0);
    checkStack(selector, raw, c.cpl, GuestFault.GP, 0);
    raw = access(selector, raw);
    load(DecodeContext.SS, selector, raw);
  }

  /**
   * Checks a descriptor for SS at a privilege level; raises {@code vector}, or #SS if it is not
   * present.
   */
  static void checkStack(int selector, long raw, int cpl, int vector, int ext) {
    int a = attributes(raw);
    if ((selector & 3) != cpl || (a & (S | CODE | WRITABLE)) != (S | WRITABLE) || dpl(a) != cpl) {
      throw GuestFault.of(vector, selector & 0xFFFC | ext);
    }
    if ((a & P) == 0) {
      throw GuestFault.of(GuestFault.SS, selector & 0xFFFC | ext);
    }
  }

  private void loadData(int seg, int selector) {
    if (isNull(selector)) {
      loadNull(seg, selector);
      return;
    }
    long raw = descriptor(selector, GuestFault.GP, 0);
    int a = attributes(raw);
    boolean readable = (a & S) != 0 && (a & (CODE | WRITABLE)) != CODE;
    boolean conforming = (a & (CODE | CONFORMING)) == (CODE | CONFORMING);
    if (!readable || !conforming && Math.max(selector & 3, c.cpl) > dpl(a)) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
    if ((a & P) == 0) {
      throw GuestFault.of(GuestFault.NP, selector & 0xFFFC);
    }
    load(seg, selector, access(selector, raw));
  }

  /** LLDT. */
  void loadLdt(int selector) {
    if (isNull(selector)) {
      set(SoftCpu.LDTR, selector, 0, 0, UNUSABLE);
      return;
    }
    long raw = systemDescriptor(selector);
    if ((attributes(raw) & 0x1F) != 2) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
    requirePresent(selector, raw);
    long base = base(raw) | (c.longMode() ? upperBase(selector, GuestFault.GP) : 0);
    requireCanonical(base, selector);
    set(SoftCpu.LDTR, selector, base, limit(raw), attributes(raw));
  }

  /** LTR: loads the task register and marks the TSS busy. */
  void loadTask(int selector) {
    if (isNull(selector)) {
      throw GuestFault.of(GuestFault.GP);
    }
    long raw = systemDescriptor(selector);
    int type = attributes(raw) & 0x1F;
    if (type != 9 && (type != 1 || c.longMode())) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
    requirePresent(selector, raw);
    long base = base(raw) | (c.longMode() ? upperBase(selector, GuestFault.GP) : 0);
    requireCanonical(base, selector);
    setBusy(selector, raw, true);
    set(SoftCpu.TR, selector, base, limit(raw), attributes(raw) | 2);
  }

  /** Sets or clears the busy bit of a TSS descriptor in memory. */
  void setBusy(int selector, long raw, boolean busy) {
    long at = descriptorAddress(selector, 8, GuestFault.GP, 0);
    long type = raw >>> 40 & 0xFF;
    c.mmu.systemWrite(at + 5, 1, busy ? type | 2 : type & ~2);
  }

  private long systemDescriptor(int selector) {
    if ((selector & 4) != 0) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
    return descriptor(selector, GuestFault.GP, 0);
  }

  private static void requirePresent(int selector, long raw) {
    if ((attributes(raw) & P) == 0) {
      throw GuestFault.of(GuestFault.NP, selector & 0xFFFC);
    }
  }

  private static void requireCanonical(long base, int selector) {
    if (!Cr.canonical(base)) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
  }

  /**
   * LAR, LSL, VERR and VERW: returns the descriptor if the selector's rules let the program see it,
   * else 0.
   *
   * @param systemTypes mask of system descriptor types that count as valid
   */
  long visible(int selector, int systemTypes) {
    if (isNull(selector)) {
      return 0;
    }
    long raw;
    try {
      raw = c.mmu.systemRead(descriptorAddress(selector, 8, GuestFault.GP, 0), 8);
    } catch (GuestFault f) {
      if (f.vector == GuestFault.PF) {
        throw f;
      }
      return 0;
    }
    int a = attributes(raw);
    if ((a & S) == 0 && (systemTypes >> (a & 15) & 1) == 0) {
      return 0;
    }
    boolean conforming = (a & (S | CODE | CONFORMING)) == (S | CODE | CONFORMING);
    return conforming || Math.max(selector & 3, c.cpl) <= dpl(a) ? raw : 0;
  }

  /**
   * After a return to an outer level: data segments that the new level must not use become null.
   */
  void dropInnerData() {
    for (int seg :
        new int[] {DecodeContext.ES, DecodeContext.DS, DecodeContext.FS, DecodeContext.GS}) {
      int a = c.segAttributes[seg];
      boolean conforming = (a & (CODE | CONFORMING)) == (CODE | CONFORMING);
      if ((a & UNUSABLE) == 0 && !conforming && dpl(a) < c.cpl) {
        set(seg, 0, 0, 0, UNUSABLE);
      }
    }
  }

  /** Raises #GP(0) unless the program may use the ports (SDM vol. 1 19.5). */
  void checkIo(int port, int size) {
    if (!c.protectedMode() || c.cpl <= c.iopl() && !c.virtual8086()) {
      return;
    }
    int tr = c.segAttributes[SoftCpu.TR];
    long limit = c.segLimit[SoftCpu.TR];
    if ((tr & UNUSABLE) != 0 || (tr & 0x1D) != 9 || limit < 0x67) {
      throw GuestFault.of(GuestFault.GP);
    }
    long base = c.segBase[SoftCpu.TR];
    long at = c.mmu.systemRead(base + 0x66, 2) + (port >> 3);
    if (at + 1 > limit) {
      throw GuestFault.of(GuestFault.GP);
    }
    long denied = c.mmu.systemRead(base + at, 2) >>> (port & 7) & (1 << size) - 1;
    if (denied != 0) {
      throw GuestFault.of(GuestFault.GP);
    }
  }
}
