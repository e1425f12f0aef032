package dev.godwit.e2e.oracle;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;

/**
 * One experiment: machine code and all state before it.
 *
 * <p>{@link #toString} and {@link #parse} are each other's inverse: a failing case is printed as a
 * line that can be kept.
 *
 * @param mode the mode that the code runs in
 * @param insns the instructions, each with its prefixes
 * @param atPageEnd the code ends with its page, and the next page cannot be executed
 * @param gpr in encoding order; RSP included
 * @param rflags all of RFLAGS
 * @param fsGs FS and GS
 * @param data the data windows, {@link RunnerImage#WINDOWS} of 64 bytes
 * @param fx an FXSAVE image, empty where the case uses none
 * @param tolerance what is not compared
 */
record InsnCase(
    CpuMode mode,
    byte[][] insns,
    boolean atPageEnd,
    long[] gpr,
    long rflags,
    int[] fsGs,
    byte[] data,
    byte[] fx,
    Tolerance tolerance) {

  /**
   * What the manuals leave open after the last instruction.
   *
   * @param flags undefined flags
   * @param registerIfZero register whose value is undefined if ZF is set afterwards, or -1
   */
  record Tolerance(int flags, int registerIfZero) {
    static final Tolerance NONE = new Tolerance(0, -1);
  }

  private static final HexFormat HEX = HexFormat.of();

  /** Returns the instructions in hex digits, one after the other. */
  String code() {
    return Arrays.stream(insns).map(HEX::formatHex).collect(Collectors.joining("/"));
  }

  int codeBytes() {
    return Arrays.stream(insns).mapToInt(insn -> insn.length).sum();
  }

  /** Returns the instruction that begins that far behind the start of the code, or none. */
  byte[] insnAt(long offset) {
    int at = 0;
    for (byte[] insn : insns) {
      if (at == offset) {
        return insn;
      }
      at += insn.length;
    }
    return new byte[0];
  }

  InsnCase withInsns(byte[][] other) {
    return new InsnCase(mode, other, atPageEnd, gpr, rflags, fsGs, data, fx, tolerance);
  }

  InsnCase withGpr(int index, long value) {
    long[] other = gpr.clone();
    other[index] = value;
    return new InsnCase(mode, insns, atPageEnd, other, rflags, fsGs, data, fx, tolerance);
  }

  InsnCase withFlags(long other) {
    return new InsnCase(mode, insns, atPageEnd, gpr, other, fsGs, data, fx, tolerance);
  }

  InsnCase withData(byte[] other) {
    return new InsnCase(mode, insns, atPageEnd, gpr, rflags, fsGs, other, fx, tolerance);
  }

  InsnCase withFx(byte[] other) {
    return new InsnCase(mode, insns, atPageEnd, gpr, rflags, fsGs, data, other, tolerance);
  }

  InsnCase inside() {
    return new InsnCase(mode, insns, false, gpr, rflags, fsGs, data, fx, tolerance);
  }

  @Override
  public String toString() {
    StringBuilder s = new StringBuilder(mode.name()).append(" code=").append(code());
    s.append(" end=").append(atPageEnd ? 1 : 0).append(" gpr=");
    for (int i = 0; i < gpr.length; i++) {
      s.append(i == 0 ? "" : ",").append(Long.toHexString(gpr[i]));
    }
    s.append(" rflags=").append(Long.toHexString(rflags));
    s.append(String.format(" fsgs=%x,%x", fsGs[0], fsGs[1]));
    s.append(" data=").append(HEX.formatHex(data));
    s.append(" fx=").append(fx.length == 0 ? "-" : HEX.formatHex(fx));
    return s.append(String.format(" open=%x,%d", tolerance.flags, tolerance.registerIfZero))
        .toString();
  }

  /** Reads what {@link #toString} wrote. */
  static InsnCase parse(String line) {
    String[] words = line.trim().split(" ");
    byte[][] insns =
        Arrays.stream(value(words, 1).split("/")).map(HEX::parseHex).toArray(byte[][]::new);
    long[] gpr = hexLongs(value(words, 3));
    int[] fsGs = Arrays.stream(hexLongs(value(words, 5))).mapToInt(l -> (int) l).toArray();
    String fx = value(words, 7);
    String[] open = value(words, 8).split(",", -1);
    return new InsnCase(
        CpuMode.valueOf(words[0]),
        insns,
        value(words, 2).equals("1"),
        gpr,
        Long.parseUnsignedLong(value(words, 4), 16),
        fsGs,
        HEX.parseHex(value(words, 6)),
        fx.equals("-") ? new byte[0] : HEX.parseHex(fx),
        new Tolerance(Integer.parseInt(open[0], 16), Integer.parseInt(open[1])));
  }

  private static String value(String[] words, int index) {
    return words[index].substring(words[index].indexOf('=') + 1);
  }

  private static long[] hexLongs(String list) {
    return Arrays.stream(list.split(",")).mapToLong(t -> Long.parseUnsignedLong(t, 16)).toArray();
  }
}
