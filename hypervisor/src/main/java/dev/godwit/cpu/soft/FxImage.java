package dev.godwit.cpu.soft;

import dev.godwit.cpu.CpuException;
import dev.godwit.cpu.soft.fpu.SseControl;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The FXSAVE image (SDM vol. 1 10.5): what FXSAVE and FXRSTOR move, and what x87, MMX and SSE state
 * is in a snapshot.
 *
 * <p>Held as the 52 quadwords that have a meaning; selectors of code and data pointers are always
 * 0, as with CPUID.7:EBX bit 13.
 */
final class FxImage {
  /** Bytes of the whole area. */
  static final int BYTES = 512;

  private static final int MXCSR_WORD = 3;
  private static final int ST_WORD = 4;
  private static final int XMM_WORD = 20;
  private static final int WORDS = 52;

  private FxImage() {}

  /** FXSAVE or FXRSTOR; {@code wide} is the form with REX.W. */
  static void execute(SoftCpu c, MemOperand m, boolean wide, boolean save, boolean is64) {
    X87.checkAvailable(c);
    long lin = save ? m.forWrite(c, BYTES) : m.forRead(c, BYTES);
    if ((lin & 15) != 0) {
      throw GuestFault.of(GuestFault.GP);
    }
    // Outside 64-bit mode XMM8-15 are neither saved nor loaded.
    int words = is64 ? WORDS : XMM_WORD + 16;
    if (save) {
      c.probeWrite(lin, 8 * words);
      for (int i = 0; i < words; i++) {
        c.write64(lin + 8L * i, word(c, i, wide));
      }
      return;
    }
    long[] image = new long[words];
    for (int i = 0; i < words; i++) {
      image[i] = c.read64(lin + 8L * i);
    }
    load(c, image, wide);
  }

  /** Returns the state as an FXSAVE64 image. */
  static byte[] toBytes(SoftCpu c) {
    ByteBuffer b = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < WORDS; i++) {
      b.putLong(word(c, i, true));
    }
    return b.array();
  }

  /**
   * Sets the state from an FXSAVE64 image.
   *
   * @throws CpuException BAD_STATE if it has another size or reserved MXCSR bits are set
   */
  static void fromBytes(SoftCpu c, byte[] image) {
    if (image.length != BYTES) {
      throw new CpuException(
          CpuException.Code.BAD_STATE, "the FXSAVE image has " + image.length + " bytes, not 512");
    }
    if ((mxcsr(image) & ~SseControl.VALID_BITS) != 0) {
      throw new CpuException(
          CpuException.Code.BAD_STATE,
          "the FXSAVE image sets reserved bits of MXCSR: " + Integer.toHexString(mxcsr(image)));
    }
    long[] words = new long[WORDS];
    ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(words);
    load(c, words, true);
  }

  private static int mxcsr(byte[] image) {
    return ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).getInt(8 * MXCSR_WORD);
  }

  private static long word(SoftCpu c, int i, boolean wide) {
    X87 f = c.x87;
    if (i >= XMM_WORD) {
      return c.xmm[i - XMM_WORD];
    }
    if (i >= ST_WORD) {
      int st = i - ST_WORD >> 1;
      return (i & 1) == 0 ? f.sig(st) : f.se(st);
    }
    long pointerMask = wide ? -1 : 0xFFFF_FFFFL;
    return switch (i) {
      case 0 ->
          f.control()
              | (long) f.status() << 16
              | (long) f.validBits() << 32
              | (long) f.opcode << 48;
      case 1 -> f.instructionPointer & pointerMask;
      case 2 -> f.dataPointer & pointerMask;
      default -> c.sse.control.mxcsr() | (long) SseControl.VALID_BITS << 32;
    };
  }

  private static void load(SoftCpu c, long[] image, boolean wide) {
    c.sse.load((int) image[MXCSR_WORD]);
    X87 f = c.x87;
    f.setControl((int) image[0] & 0xFFFF);
    f.setStatus((int) (image[0] >>> 16) & 0xFFFF);
    f.setValidBits((int) (image[0] >>> 32));
    f.opcode = (int) (image[0] >>> 48) & 0x7FF;
    long pointerMask = wide ? -1 : 0xFFFF_FFFFL;
    f.instructionPointer = image[1] & pointerMask;
    f.dataPointer = image[2] & pointerMask;
    for (int i = 0; i < 8; i++) {
      f.load(i, (int) image[ST_WORD + 2 * i + 1] & 0xFFFF, image[ST_WORD + 2 * i]);
    }
    System.arraycopy(image, XMM_WORD, c.xmm, 0, image.length - XMM_WORD);
  }
}
