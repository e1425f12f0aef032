package dev.godwit.cpu.soft;

import dev.godwit.cpu.CpuModel;
import java.util.Arrays;

/** Decodes code into blocks. Confined to one thread. */
final class BlockDecoder {
  /** Supplies code bytes from the present instruction on. */
  interface Code extends DecodeContext.CodeSource {
    /** Goes on to the next instruction. */
    void advance(int bytes);

    /** Returns where the second page is that was read from, -1 if none was. */
    long secondGpa();
  }

  private final Insn[] scratch = new Insn[Block.MAX_INSNS];
  private final DecodeContext d;

  BlockDecoder(CpuModel model) {
    this.d = new DecodeContext(model);
  }

  /**
   * Decodes one block; throws the fault that fetching or decoding its first instruction raises.
   *
   * @param codeBits 16, 32 or 64
   * @param stack32 SS.B
   * @param single whether one instruction is wanted
   */
  Block decode(
      Code code, long start, int mode, long gpa, int codeBits, boolean stack32, boolean single) {
    long rip = start;
    int count = 0;
    int bytes = 0;
    while (true) {
      Insn insn;
      try {
        d.begin(code, rip, codeBits, stack32);
        insn = OpcodeTable.decode(d);
      } catch (GuestFault fault) {
        if (count == 0) {
          throw fault;
        }
        return block(start, mode, gpa, -1, bytes, count); // it is raised when execution gets there
      }
      boolean crossed = code.secondGpa() >= 0;
      if (crossed && count > 0) {
        return block(start, mode, gpa, -1, bytes, count);
      }
      int length = d.length();
      scratch[count++] = insn;
      bytes += length;
      code.advance(length);
      boolean wrapped = d.nextRip() < rip && codeBits != 64;
      rip = d.nextRip();
      if (insn.endsBlock()
          || crossed
          || single
          || wrapped
          || count == Block.MAX_INSNS
          || (gpa & 0xFFF) + bytes >= 4096) {
        return block(start, mode, gpa, code.secondGpa(), bytes, count);
      }
    }
  }

  private Block block(long rip, int mode, long gpa, long second, int bytes, int count) {
    boolean falls = !scratch[count - 1].endsBlock();
    return new Block(rip, mode, gpa, second, bytes, Arrays.copyOf(scratch, count), falls);
  }
}
