package dev.godwit.cpu.soft;

import dev.godwit.memory.HostMemory;
import java.lang.foreign.MemorySegment;

/** MOVS, STOS, LODS, SCAS, CMPS, INS and OUTS. */
final class StringNodes {
  /** Up to this many bytes a loop is faster than a bulk operation. */
  private static final int SHORT_RUN_BYTES = 128;

  private StringNodes() {}

  static final class Movs extends StringInsn {
    Movs(DecodeContext d, int bytes) {
      super(d, bytes);
    }

    @Override
    void step(SoftCpu c) {
      long value = Place.read(c, sourceLinear(c), bytes);
      Place.write(c, targetLinear(c, true), bytes, value);
      advanceSource(c, 1);
      advanceTarget(c, 1);
    }

    @Override
    long bulk(SoftCpu c, long count) {
      long source = sourceLinear(c);
      long run = sourceRun(c, source, count);
      long sourceHva = run == 0 ? 0 : c.readHva(source, bytes);
      if (sourceHva == 0) {
        return 0;
      }
      long target = targetLinear(c, true);
      run = targetRun(c, target, true, run);
      long targetHva = run == 0 ? 0 : c.updateHva(target, bytes);
      if (targetHva == 0) {
        return 0;
      }
      if (backward(c)) {
        copyDown(sourceHva, targetHva, run);
      } else {
        copyUp(sourceHva, targetHva, run);
      }
      c.updated(targetHva);
      advanceSource(c, run);
      advanceTarget(c, run);
      return run;
    }

    private void copyUp(long source, long target, long run) {
      long total = run * bytes;
      long ahead = target - source;
      if (ahead > 0 && ahead < total) {
        // Each element is read after the ones before it were written: the pattern repeats itself.
        for (long at = 0; at < total; at += bytes) {
          Ram.put(target + at, bytes, Ram.get(source + at, bytes));
        }
      } else if (total <= SHORT_RUN_BYTES) {
        long at = 0;
        for (; at + 8 <= total; at += 8) {
          Ram.put(target + at, 8, Ram.get(source + at, 8));
        }
        for (; at < total; at++) {
          Ram.put(target + at, 1, Ram.get(source + at, 1));
        }
      } else {
        MemorySegment.copy(HostMemory.ALL, source, HostMemory.ALL, target, total);
      }
    }

    /** Copies downwards; both addresses are those of the topmost element. */
    private void copyDown(long source, long target, long run) {
      long below = (run - 1) * bytes;
      long behind = source - target;
      if (behind > 0 && behind < run * bytes) {
        for (long at = 0; at >= -below; at -= bytes) {
          Ram.put(target + at, bytes, Ram.get(source + at, bytes));
        }
      } else {
        MemorySegment.copy(
            HostMemory.ALL, source - below, HostMemory.ALL, target - below, run * bytes);
      }
    }
  }

  static final class Stos extends StringInsn {
    Stos(DecodeContext d, int bytes) {
      super(d, bytes);
    }

    @Override
    void step(SoftCpu c) {
      Place.write(c, targetLinear(c, true), bytes, accumulator(c));
      advanceTarget(c, 1);
    }

    @Override
    long bulk(SoftCpu c, long count) {
      long target = targetLinear(c, true);
      long run = targetRun(c, target, true, count);
      long hva = run == 0 ? 0 : c.updateHva(target, bytes);
      if (hva == 0) {
        return 0;
      }
      fill(backward(c) ? hva - (run - 1) * bytes : hva, run * bytes, pattern(accumulator(c)));
      c.updated(hva);
      advanceTarget(c, run);
      return run;
    }

    /** Returns the low bytes of a value, repeated to 8. */
    private long pattern(long value) {
      return switch (bytes) {
        case 1 -> (value & 0xFF) * 0x0101_0101_0101_0101L;
        case 2 -> (value & 0xFFFF) * 0x0001_0001_0001_0001L;
        case 4 -> (value & 0xFFFF_FFFFL) * 0x0000_0001_0000_0001L;
        default -> value;
      };
    }

    private void fill(long hva, long total, long pattern) {
      if (total > SHORT_RUN_BYTES && pattern == Long.rotateLeft(pattern, 8)) {
        HostMemory.ALL.asSlice(hva, total).fill((byte) pattern);
        return;
      }
      long at = 0;
      for (; at + 8 <= total; at += 8) {
        Ram.put(hva + at, 8, pattern);
      }
      for (; at < total; at += bytes) {
        Ram.put(hva + at, bytes, pattern);
      }
    }
  }

  static final class Lods extends StringInsn {
    Lods(DecodeContext d, int bytes) {
      super(d, bytes);
    }

    @Override
    void step(SoftCpu c) {
      setAccumulator(c, Place.read(c, sourceLinear(c), bytes));
      advanceSource(c, 1);
    }
  }

  static final class Scas extends StringInsn {
    Scas(DecodeContext d, int bytes) {
      super(d, bytes);
    }

    @Override
    void step(SoftCpu c) {
      Alu.sub(c, accumulator(c), Place.read(c, targetLinear(c, false), bytes), 8 * bytes);
      advanceTarget(c, 1);
    }

    @Override
    boolean comparing() {
      return true;
    }
  }

  static final class Cmps extends StringInsn {
    Cmps(DecodeContext d, int bytes) {
      super(d, bytes);
    }

    @Override
    void step(SoftCpu c) {
      // If both fault, AMD's processors report the target.
      long b = Place.read(c, targetLinear(c, false), bytes);
      long a = Place.read(c, sourceLinear(c), bytes);
      Alu.sub(c, a, b, 8 * bytes);
      advanceSource(c, 1);
      advanceTarget(c, 1);
    }

    @Override
    boolean comparing() {
      return true;
    }
  }

  static final class Ins extends StringInsn {
    Ins(DecodeContext d, int bytes) {
      super(d, bytes);
    }

    @Override
    void step(SoftCpu c) {
      c.segments.checkIo(port(c), bytes);
      long target = targetLinear(c, true);
      c.probeWrite(target, bytes); // reading a port may change its device: no fault may follow
      Place.write(c, target, bytes, c.in(port(c), bytes));
      advanceTarget(c, 1);
    }
  }

  static final class Outs extends StringInsn {
    Outs(DecodeContext d, int bytes) {
      super(d, bytes);
    }

    @Override
    void step(SoftCpu c) {
      c.segments.checkIo(port(c), bytes);
      c.out(port(c), bytes, (int) Place.read(c, sourceLinear(c), bytes));
      advanceSource(c, 1);
    }
  }
}
