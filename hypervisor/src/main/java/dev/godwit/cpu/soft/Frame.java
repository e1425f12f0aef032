package dev.godwit.cpu.soft;

/**
 * Pushes to a stack that is not, or not yet, the current one: the frames that interrupts and call
 * gates of 16- and 32-bit modes make. Registers change only by {@link #loadStack}.
 */
final class Frame {
  private final SoftCpu c;
  private int selector;
  private long raw;
  private long base;
  private long first;
  private long last;
  private long mask;
  private long pointer;
  private int user;
  private int errorCode;

  Frame(SoftCpu c) {
    this.c = c;
  }

  /** Starts on the current stack. */
  void current() {
    base = c.codeBits == 64 ? 0 : c.segBase[DecodeContext.SS];
    first = c.segFirst[DecodeContext.SS];
    last = c.segLastWrite[DecodeContext.SS];
    mask = c.stackMask;
    pointer = c.regs[4] & mask;
    user = c.cpl == 3 ? 1 : 0;
    errorCode = 0;
  }

  /**
   * Starts on the stack that the TSS has for an inner level.
   *
   * @param ext bit 0 of error codes
   */
  void inner(int cpl, int ext) {
    int tr = c.segSelector[SoftCpu.TR] & 0xFFFC;
    boolean wide = (c.segAttributes[SoftCpu.TR] & 8) != 0;
    int at = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
    if (at + (wide ? 5 : 3) > c.segLimit[SoftCpu.TR]) {
      throw GuestFault.of(GuestFault.TS, tr | ext);
    }
    long tss = c.segBase[SoftCpu.TR] + at;
    pointer = c.mmu.systemRead(tss, wide ? 4 : 2);
    selector = (int) c.mmu.systemRead(tss + (wide ? 4 : 2), 2);
    if (Segments.isNull(selector)) {
      throw GuestFault.of(GuestFault.TS, ext);
    }
    raw = c.segments.descriptor(selector, GuestFault.TS, ext);
    Segments.checkStack(selector, raw, cpl, GuestFault.TS, ext);
    int a = Segments.attributes(raw);
    long limit = Segments.limit(raw);
    boolean expandDown = (a & Segments.CONFORMING) != 0;
    base = Segments.base(raw);
    mask = (a & Segments.DB) != 0 ? 0xFFFF_FFFFL : 0xFFFF;
    first = expandDown ? limit + 1 : 0;
    last = expandDown ? mask : limit;
    user = cpl == 3 ? 1 : 0;
    errorCode = selector & 0xFFFC | ext;
    pointer &= mask;
  }

  /** Pushes 2 or 4 bytes. */
  void push(int size, long value) {
    long to = pointer - size & mask;
    if (to < first || to + size - 1 > last) {
      throw GuestFault.of(GuestFault.SS, errorCode);
    }
    long lin = base + to & 0xFFFF_FFFFL;
    c.mmu.probeAs(lin, size, user);
    c.mmu.writeAs(lin, size, value, user);
    pointer = to;
  }

  /** Returns the stack pointer after the pushes. */
  long pointer() {
    return pointer;
  }

  /** Loads SS with the inner stack's segment. */
  void loadStack() {
    c.segments.load(DecodeContext.SS, selector, c.segments.access(selector, raw));
  }
}
