package dev.godwit.e2e.oracle;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Differences that are TCG's: it leaves out checks that processors make. Each rule is narrow, and
 * what it covers is tested elsewhere, against the host's CPU or by hand.
 */
final class Explanations {
  private static final int DEBUG = 1;
  private static final int UNDEFINED = 6;
  private static final int STACK = 12;
  private static final int PROTECTION = 13;
  private static final int PAGE_FAULT = 14;
  private static final int SIMD = 19;

  // MXCSR.
  private static final long DENORMAL = 2;
  private static final long DENORMAL_MASKED = 0x100;

  /** The bit of a page fault's error code that says so; without NX it is never set. */
  private static final int FETCH = 0x10;

  private static final long VM = 1 << 17;

  private Explanations() {}

  /** PUSHA and POPA. */
  private static boolean isAll(int opcode) {
    return opcode == 0x60 || opcode == 0x61;
  }

  /** Returns the names of what differs. */
  private static List<String> differing(
      InsnCase c, ByteBuffer expected, ByteBuffer actual, int at) {
    String difference = Comparison.difference(c, expected, actual, at / RunnerImage.RECORD_BYTES);
    String[] words = difference == null ? new String[0] : difference.split(" ", -1);
    return IntStream.range(0, words.length / 2).mapToObj(i -> words[2 * i]).toList();
  }

  /**
   * Whether nothing but the flags differs. Stale ones may have VM set: then the exception took the
   * data segments along.
   */
  private static boolean onlyFlags(InsnCase c, ByteBuffer expected, ByteBuffer actual, int at) {
    List<String> names = differing(c, expected, actual, at);
    boolean virtual = (expected.getLong(at + 0x80) & VM) != 0;
    return names.equals(List.of("rflags"))
        || virtual && names.equals(List.of("rflags", "ds,es,fs,gs"));
  }

  /** Whether nothing but RIP and RF differs; in real mode RIP is on the stack of the case, too. */
  private static boolean onlyPlace(InsnCase c, ByteBuffer expected, ByteBuffer actual, int at) {
    return differing(c, expected, actual, at).stream()
        .allMatch(
            name ->
                name.equals("rip")
                    || name.equals("rflags")
                    || c.mode() == CpuMode.REAL && name.startsWith("window"));
  }

  /**
   * Whether a linear address is just below the end of a segment of 4 GiB: a flat one, the windows'
   * one, or that of a 16-bit mode.
   */
  private static boolean wraps(CpuMode mode, long linear) {
    if (mode.realLike()) {
      return (linear & 0xFFE0) == 0xFFE0 || (linear - 0x10 & 0xFFE0) == 0xFFE0; // GS is 10h above
    }
    long belowBase = mode.dataBase() - linear;
    if (belowBase > 0 && belowBase <= 64) {
      return true;
    }
    return (linear & 0xDFFF_FFC0L) == 0xDFFF_FFC0L || (linear & 0xFFFF_FFC0L) == 0x1FFF_FFC0L;
  }

  /**
   * Returns why TCG's result may differ in the way it does, or null.
   *
   * @param at offset of the case's records
   * @param start RIP at the start of the case
   */
  static @Nullable String of(
      InsnCase c, ByteBuffer expected, ByteBuffer actual, int at, long start) {
    long vector = actual.getLong(at + 0xA8);
    long oracleVector = expected.getLong(at + 0xA8);
    boolean noError = actual.getLong(at + 0xB0) == 0;
    long oracleRip = expected.getLong(at + 0x88);
    byte[] insn = c.insnAt(actual.getLong(at + 0x88) - start);
    if (vector == STACK && oracleVector == PROTECTION && noError) {
      return "TCG raises #GP where a stack address is not canonical";
    }
    if (vector == PROTECTION && noError && oracleRip << 16 >> 16 != oracleRip) {
      return "TCG branches to an address that is not canonical, and faults there";
    }
    if (vector == PROTECTION && noError && InsnBytes.isSseMemory(insn)) {
      return "TCG does not check the alignment of SSE operands";
    }
    if (vector == PROTECTION && noError && InsnBytes.opcode(insn) == 0xFF) {
      return "TCG's CALL pushes before it looks at its target";
    }
    if (oracleVector == vector
        && InsnBytes.leavesStaleFlags(insn)
        && onlyFlags(c, expected, actual, at)) {
      return "TCG's flags are stale where the instruction faults";
    }
    int opcode = InsnBytes.opcode(insn);
    if (vector == UNDEFINED
        && oracleVector == PAGE_FAULT
        && (expected.getLong(at + 0xB0) & FETCH) == (c.mode().noExecute() ? FETCH : 0)
        && c.atPageEnd()) {
      return "TCG fetches what would follow an opcode that does not exist";
    }
    if (vector == PAGE_FAULT && oracleVector == vector && (opcode == 0x0FF7 || opcode == 0x0F01)) {
      return "how much of a faulting MASKMOVQ, MASKMOVDQU, SGDT or SIDT is written is nobody's"
          + " promise";
    }
    if (vector == UNDEFINED && opcode >= 0x0F_382C && opcode <= 0x0F_382F) {
      return "TCG looks at the operand of an AVX instruction before it finds no VEX prefix";
    }
    if (vector == PROTECTION
        && noError
        && c.mode() == CpuMode.KERNEL64
        && (expected.getLong(at + 0x98) & ~3) == 0) {
      return "TCG does not look at the RPL of a null SS";
    }
    if (vector == PROTECTION && noError && opcode == 0x0FAE) {
      return "TCG's LDMXCSR takes any value";
    }
    if (oracleVector == PAGE_FAULT
        && !c.mode().is64()
        && InsnBytes.opcode(c.insnAt(oracleRip - start)) == 0x63) {
      return "TCG's ARPL writes what it has read";
    }
    if (oracleVector == PAGE_FAULT && InsnBytes.isMmxLow(c.insnAt(oracleRip - start))) {
      return "TCG reads 8 bytes where PUNPCKL reads 4";
    }
    if (c.mode().is64()
        && InsnBytes.isFarReturn(insn)
        && (vector == PAGE_FAULT || vector == STACK || vector == PROTECTION)) {
      return "TCG's far returns cut stack addresses to 32 bits and check selectors in another"
          + " order";
    }
    if (vector == PAGE_FAULT
        && oracleVector == PAGE_FAULT
        && (actual.getLong(at + 0xB0) & 2) > (expected.getLong(at + 0xB0) & 2)
        && expected.getLong(at + 0xB8) - actual.getLong(at + 0xB8) < 8) {
      return "TCG reads all of a page-crossing operand before it writes to the first page";
    }
    byte[] oracleInsn = c.insnAt(oracleRip - start);
    if (oracleVector == PROTECTION
        && InsnBytes.isRepeatedIo(oracleInsn)
        && (vector != oracleVector || oracleRip != actual.getLong(at + 0x88))) {
      return "TCG asks for the permission to do I/O that is not done, for a count of zero";
    }
    if (vector == PAGE_FAULT && oracleVector == vector && isAll(InsnBytes.opcode(insn))) {
      return "TCG's PUSHA begins at the other end, its POPA changes registers before it faults";
    }
    if ((vector == STACK || vector == PROTECTION)
        && noError
        && oracleVector == PAGE_FAULT
        && !c.mode().is64()
        && wraps(c.mode(), expected.getLong(at + 0xB8))) {
      // SDM vol. 3A 5.3: where the limit is 4 GiB a processor may do either; ours faults.
      return "TCG's operands go on at 0 where they cross 4 GiB";
    }
    if (vector == DEBUG
        && oracleVector == DEBUG
        && (expected.getLong(at + 8) & 0xFFFF) == 0
        && InsnBytes.isRepeatedComparison(oracleInsn)
        && onlyPlace(c, expected, actual, at)) {
      return "TCG does not leave a repeated CMPS or SCAS with its last count, but after one more"
          + " step";
    }
    if (vector == PROTECTION
        && noError
        && InsnBytes.isFarReturn(insn)
        && expected.getLong(at + 0x90) != actual.getLong(at + 0x90)) {
      return "TCG's far returns do not look at the limit of the code segment";
    }
    long mxcsr = actual.getInt(at + 0x218);
    if (vector == SIMD
        && oracleVector != vector
        && (mxcsr & DENORMAL) != 0
        && (mxcsr & DENORMAL_MASKED) == 0
        && InsnBytes.isFloat(insn)) {
      return "TCG does not notice a denormal operand in all cases";
    }
    if (vector == PAGE_FAULT && InsnBytes.opcode(insn) == 0xC8) {
      return "TCG's ENTER does not probe the final stack pointer";
    }
    return null;
  }
}
