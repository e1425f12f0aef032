package dev.godwit.cpu.soft;

import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.oracle.OracleResult;
import dev.godwit.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Runs one SIMD or x87 instruction of an {@link OracleCase} on the software CPU, and tells how it
 * differs from the host's CPU.
 */
final class SoftRunner implements AutoCloseable {
  /** No vector: the instruction ran to its end. */
  private static final int COMPLETED = -1;

  private static final int FXSAVE_BYTES = 416;

  private final OracleMachine machine = new OracleMachine();
  private final GuestMemory memory = machine.memory;
  private final byte[] page = new byte[OracleCase.PAGE_BYTES];

  /** The CPU; tests look at it after {@link #run}. */
  final SoftCpu cpu = machine.cpu;

  private boolean longMode = true;
  private int vector;
  private long faultAddress;

  /** Decodes the first instruction of a case. */
  Insn decode(OracleCase c) {
    DecodeContext d = new DecodeContext(CpuModel.X86_64_V2);
    d.begin(
        offset -> c.code[offset] & 0xFF,
        OracleCase.CODE_BASE + c.codeOffset,
        c.longMode ? 64 : 32,
        true);
    return OpcodeTable.decode(d);
  }

  /** Sets the state of a case and runs its instruction. */
  void run(OracleCase c, Insn insn) {
    if (c.longMode != longMode) {
      longMode = c.longMode;
      machine.mode(longMode);
    }
    System.arraycopy(c.gpr, 0, cpu.regs, 0, 16);
    cpu.setArithmeticFlags(c.rflags);
    cpu.flagsRest = Flags.IF | c.rflags & Flags.DF;
    cpu.cr0 &= ~(Cr.EM | Cr.TS | Cr.MP);
    cpu.cr4 |= Cr.OSFXSR | Cr.OSXMMEXCPT;
    FxImage.fromBytes(cpu, c.fx.array());
    Arrays.fill(page, OracleCase.DATA_FILL);
    System.arraycopy(c.mem, 0, page, c.memOffset, c.mem.length);
    memory.copyIn(OracleMachine.DATA_GPA, page);
    vector = COMPLETED;
    try {
      insn.execute(cpu);
    } catch (GuestFault fault) {
      vector = fault.vector;
      faultAddress = fault.address;
    }
  }

  /** Overwrites the window of memory, so that {@link #difference} finds no fault with it. */
  void setMemory(OracleCase c, byte[] content) {
    memory.copyIn(OracleMachine.DATA_GPA + c.memOffset, content);
  }

  /** Returns the window of memory after {@link #run}. */
  byte[] memory(OracleCase c) {
    byte[] after = new byte[c.mem.length];
    memory.copyOut(OracleMachine.DATA_GPA + c.memOffset, MemorySegment.ofArray(after));
    return after;
  }

  /**
   * Returns what differs from the host's result, or null. FOP, FIP and FDP are not compared: AMD
   * and Intel keep them at different times.
   */
  @Nullable String difference(OracleCase c, OracleResult r) {
    int hostVector = r.completed() ? COMPLETED : r.vector();
    if (vector != hostVector) {
      return "vector " + vector + " instead of " + hostVector;
    }
    if (vector == GuestFault.PF && faultAddress != r.cr2()) {
      return String.format("cr2 %x instead of %x", faultAddress, r.cr2());
    }
    long registerMask = c.longMode ? -1 : 0xFFFF_FFFFL;
    for (int i = 0; i < (c.longMode ? 16 : 8); i++) {
      if (((cpu.regs[i] ^ r.gpr()[i]) & registerMask) != 0) {
        return String.format("gpr%d %x instead of %x", i, cpu.regs[i], r.gpr()[i]);
      }
    }
    long mask = OracleCase.SETTABLE_FLAGS;
    if (((cpu.rflags() ^ r.rflags()) & mask) != 0) {
      return String.format("rflags %x instead of %x", cpu.rflags() & mask, r.rflags() & mask);
    }
    byte[] after = memory(c);
    for (int i = 0; i < after.length; i++) {
      if (after[i] != r.mem()[i]) {
        return String.format("memory byte %d %02x instead of %02x", i, after[i], r.mem()[i]);
      }
    }
    return changedOutside(c) != r.changedOutside()
        ? "outside changed " + changedOutside(c)
        : floatingPointDifference(r);
  }

  private boolean changedOutside(OracleCase c) {
    byte[] before = page.clone();
    memory.copyOut(OracleMachine.DATA_GPA, MemorySegment.ofArray(page));
    int end = c.memOffset + c.mem.length;
    return !Arrays.equals(before, 0, c.memOffset, page, 0, c.memOffset)
        || !Arrays.equals(before, end, page.length, page, end, page.length);
  }

  private @Nullable String floatingPointDifference(OracleResult r) {
    byte[] soft = FxImage.toBytes(cpu);
    byte[] host = r.fx().array();
    for (int i = 0; i < FXSAVE_BYTES; i++) {
      boolean compared = i < 5 || i >= 24 && i < 28 || i >= 160 || i >= 32 && i % 16 < 10;
      if (compared && soft[i] != host[i]) {
        String name = i < 32 ? "control" : i < 160 ? "st" + (i - 32) / 16 : "xmm" + (i - 160) / 16;
        return String.format(
            "%s (byte %d) %016x instead of %016x", name, i, quadword(soft, i), quadword(host, i));
      }
    }
    return null;
  }

  private static long quadword(byte[] image, int offset) {
    return ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).getLong(offset & ~7);
  }

  @Override
  public void close() {
    machine.close();
  }
}
