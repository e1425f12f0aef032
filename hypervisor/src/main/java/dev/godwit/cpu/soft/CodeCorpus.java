package dev.godwit.cpu.soft;

import dev.godwit.cpu.CodeHint;
import dev.godwit.cpu.CpuModel;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Pages of 64-bit code with every opcode there is in every form that the decoder tells apart, to be
 * given to {@link dev.godwit.cpu.Vcpu#decodeAhead}: after that the JVM has seen all of the
 * decoder's branches. It makes no sense as a program.
 *
 * <p>Each opcode comes with each of the prefixes that give it another meaning, and in between with
 * the others; with a register and with memory operands of all kinds in turn; groups with all eight
 * values of ModRM.reg. Immutable and the same each time; used by one thread while it is made.
 */
public final class CodeCorpus {
  /** About as many instructions lie between two branches of a kernel. */
  private static final int RUN_INSNS = 7;

  private static final int PAGE_BYTES = 4096;
  private static final int RET = 0xC3;
  private static final int LOCK = 0xF0;

  /** Those that choose an opcode's meaning or its operand's size. */
  private static final int[][] MEANINGS = {{}, {0x66}, {0x48}, {0xF2}, {0xF3}};

  /** The others: segments, registers, address size, ones that do not count. */
  private static final int[][] OTHERS = {
    {0x41},
    {0x65},
    {0x44},
    {0x4C},
    {0x64},
    {0x45},
    {0x67},
    {0x49},
    {0x2E},
    {0x65, 0x48},
    {0x42},
    {0x66, 0x41},
    {0x40},
    {0x3E, 0x4D},
    {0x48, 0x66},
    {0xF2, 0x48},
    {0x66, 0x48},
    {0xF3, 0x48}
  };

  /** ModRM without its reg field, SIB and displacement: one of each kind. */
  private static final int[][] MEMORY = {
    {0x03}, // (%rbx)
    {0x45, 0xF8}, // -8(%rbp)
    {0x86, 0x34, 0x12, 0, 0}, // 0x1234(%rsi)
    {0x05, 0x10, 0, 0, 0}, // 0x10(%rip)
    {0x44, 0x24, 0x18}, // 0x18(%rsp)
    {0x04, 0xC8}, // (%rax,%rcx,8)
    {0x04, 0x25, 0x80, 0, 0, 0}, // 0x80
    {0x47, 0x10}, // 0x10(%rdi)
    {0x04, 0x85, 0, 1, 0, 0}, // 0x100(,%rax,4)
    {0x84, 0x24, 0x80, 0, 0, 0}, // 0x80(%rsp)
    {0x44, 0x15, 0x08}, // 8(%rbp,%rdx)
  };

  /** Opcodes of one byte whose ModRM.reg says what they do; those of the x87 among them. */
  private static final List<Integer> GROUPS =
      List.of(
          0x80, 0x81, 0x83, 0x8C, 0x8E, 0x8F, 0xC0, 0xC1, 0xC6, 0xC7, 0xD0, 0xD1, 0xD2, 0xD3, 0xD8,
          0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xF6, 0xF7, 0xFE, 0xFF);

  /** The same after 0F. */
  private static final List<Integer> GROUPS_0F =
      List.of(0x00, 0x01, 0x18, 0x20, 0x22, 0x71, 0x72, 0x73, 0xAE, 0xBA, 0xC7);

  private final DecodeContext d = new DecodeContext(CpuModel.DEFAULT);
  private final long firstGfn;
  private final List<Page> pages = new ArrayList<>();
  private final List<CodeHint> code = new ArrayList<>();
  private byte[] page = new byte[PAGE_BYTES];
  private int at;
  private int inRun;
  private boolean starts = true;
  private int turn;

  /**
   * A page and the starts of its blocks.
   *
   * @param gfn where the hints say that it is
   * @param content its bytes, not to be changed
   */
  public record Page(long gfn, byte[] content, List<CodeHint> code) {}

  private CodeCorpus(long firstGfn) {
    this.firstGfn = firstGfn;
  }

  /**
   * Makes the pages, some ten thousand instructions.
   *
   * @param firstGfn of the first page; the others follow, each mapped to its own address
   */
  public static List<Page> pages(long firstGfn) {
    CodeCorpus corpus = new CodeCorpus(firstGfn);
    for (int opcode = 0; opcode < 256; opcode++) {
      if (opcode != 0x0F && !isPrefix(opcode)) {
        corpus.opcode(GROUPS.contains(opcode), opcode);
      }
      if (opcode != 0x38 && opcode != 0x3A) {
        corpus.opcode(GROUPS_0F.contains(opcode), 0x0F, opcode);
      }
      if (opcode < 0x48 || opcode >= 0xF0) {
        corpus.opcode(false, 0x0F, 0x38, opcode);
      }
      if (opcode < 0x28 || opcode >= 0x40 && opcode < 0x48 || opcode >= 0x60 && opcode < 0x64) {
        corpus.opcode(false, 0x0F, 0x3A, opcode);
      }
    }
    corpus.endPage();
    return List.copyOf(corpus.pages);
  }

  private static boolean isPrefix(int opcode) {
    return switch (opcode) {
      case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, LOCK, 0xF2, 0xF3 -> true;
      default -> (opcode & 0xF0) == 0x40;
    };
  }

  private void opcode(boolean group, int... opcode) {
    for (int row = 0; row < (group ? 8 : 1); row++) {
      for (int[] prefixes : MEANINGS) {
        int reg = group ? row : turn++ & 7;
        add(prefixes, opcode, register(reg));
        add(prefixes, opcode, memory(reg));
      }
      for (int i = 0; i < 2; i++) {
        int[] prefixes = OTHERS[turn++ % OTHERS.length];
        int reg = group ? row : turn & 7;
        add(prefixes, opcode, register(reg));
        add(prefixes, opcode, memory(reg));
      }
      add(new int[] {LOCK}, opcode, memory(group ? row : turn & 7));
    }
    add(new int[] {LOCK}, opcode, register(turn & 7));
    for (int[] prefixes : new int[][] {{}, {0x48}}) {
      int itself = turn++ & 7; // XOR of a register with itself is a meaning of its own
      add(prefixes, opcode, new int[] {0xC0 | itself << 3 | itself});
    }
  }

  private int[] register(int reg) {
    return new int[] {0xC0 | reg << 3 | turn++ * 3 & 7};
  }

  private int[] memory(int reg) {
    int[] operand = MEMORY[turn++ % MEMORY.length].clone();
    operand[0] |= reg << 3;
    return operand;
  }

  private void add(int[] prefixes, int[] opcode, int[] operand) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int[] part : new int[][] {prefixes, opcode, operand}) {
      for (int value : part) {
        bytes.write(value);
      }
    }
    if (bytes.size() > 11) {
      throw new IllegalStateException("no room for an immediate of four bytes");
    }
    // What follows are immediates, as far as there are any.
    add(Arrays.copyOf(bytes.toByteArray(), DecodeContext.MAX_BYTES));
    if (++inRun >= RUN_INSNS) {
      add(new byte[] {(byte) RET});
    }
  }

  private void add(byte[] insn) {
    d.begin(offset -> insn[offset] & 0xFF, 0, 64, false);
    boolean ends = OpcodeTable.decode(d).endsBlock();
    int length = d.length();
    if (at + length > page.length) {
      // It begins here, which a block ends before, and stands whole in the next page.
      put(insn, page.length - at);
      endPage();
    }
    put(insn, length);
    if (ends) {
      starts = true;
      inRun = 0;
    }
  }

  private void put(byte[] insn, int bytes) {
    if (starts && bytes > 0) {
      long gfn = firstGfn + pages.size();
      code.add(new CodeHint(gfn << 12 | at, gfn, (turn & 1) != 0));
      starts = false;
    }
    System.arraycopy(insn, 0, page, at, bytes);
    at += bytes;
  }

  private void endPage() {
    pages.add(new Page(firstGfn + pages.size(), page, List.copyOf(code)));
    page = new byte[PAGE_BYTES];
    code.clear();
    at = 0;
    inRun = 0;
    starts = true;
  }
}
