package dev.godwit.cpu.soft;

import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.LocalApicPort;
import dev.godwit.cpu.VcpuPorts;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.oracle.OracleResult;
import dev.godwit.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Runs one instruction of an {@link OracleCase} on the software CPU, and tells how it differs from
 * the host's CPU.
 */
final class SoftRunner implements AutoCloseable {
  private static final long CR0_PE = 1;
  private static final long CR0_NE = 1 << 5;
  private static final long CR4_OSFXSR = 1 << 9;
  private static final long CR4_OSXMMEXCPT = 1 << 10;

  /** No vector: the instruction ran to its end. */
  private static final int COMPLETED = -1;

  private final GuestMemory memory = GuestMemory.allocate(OracleCase.DATA_BASE + (1 << 20));
  private final GuestClock clock = new GuestClock(System::nanoTime, 1_000_000_000L);

  /** The CPU; tests look at it after {@link #run}. */
  final SoftCpu cpu =
      new SoftCpu(new VcpuPorts(memory, new PortBus(), new MmioBus(), clock, new NoApic(), 1));

  private int vector;

  /** Decodes the first instruction of a case. */
  Insn decode(OracleCase c) {
    DecodeContext d = new DecodeContext();
    d.begin(
        offset -> c.code[offset] & 0xFF,
        OracleCase.CODE_BASE + c.codeOffset,
        c.longMode ? 64 : 32,
        true);
    return OpcodeTable.decode(d);
  }

  /** Sets the state of a case and runs its instruction. */
  void run(OracleCase c, Insn insn) {
    System.arraycopy(c.gpr, 0, cpu.regs, 0, 16);
    cpu.setArithmeticFlags(c.rflags);
    cpu.flagsRest = Flags.IF | c.rflags & Flags.DF;
    cpu.cr0 = CR0_PE | CR0_NE;
    cpu.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    cpu.cpl = 0;
    FxImage.fromBytes(cpu, c.fx.array());
    memory.copyIn(OracleCase.DATA_BASE + c.memOffset, c.mem);
    vector = COMPLETED;
    try {
      insn.execute(cpu);
    } catch (GuestFault fault) {
      vector = fault.vector;
    }
  }

  /** Overwrites the window of memory, so that {@link #difference} finds no fault with it. */
  void setMemory(OracleCase c, byte[] content) {
    memory.copyIn(OracleCase.DATA_BASE + c.memOffset, content);
  }

  /** Returns the window of memory after {@link #run}. */
  byte[] memory(OracleCase c) {
    byte[] after = new byte[c.mem.length];
    memory.copyOut(OracleCase.DATA_BASE + c.memOffset, MemorySegment.ofArray(after));
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
    for (int i = 0; i < 16; i++) {
      if (cpu.regs[i] != r.gpr()[i]) {
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
    return floatingPointDifference(r);
  }

  private @Nullable String floatingPointDifference(OracleResult r) {
    byte[] soft = FxImage.toBytes(cpu);
    byte[] host = r.fx().array();
    for (int i = 0; i < 416; i++) {
      boolean compared = i < 5 || i >= 24 && i < 28 || i >= 160 || i >= 32 && i % 16 < 10;
      if (compared && soft[i] != host[i]) {
        int at = i & ~7;
        String name = i < 32 ? "control" : i < 160 ? "st" + (i - 32) / 16 : "xmm" + (i - 160) / 16;
        return String.format(
            "%s (byte %d) %016x instead of %016x",
            name, i, FxWords.at(soft, at), FxWords.at(host, at));
      }
    }
    return null;
  }

  @Override
  public void close() {
    clock.close();
    memory.close();
  }

  /** Reads quadwords of an image. */
  private static final class FxWords {
    static long at(byte[] image, int offset) {
      return ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).getLong(offset);
    }
  }

  /** No interrupts: single instructions are run. */
  private static final class NoApic implements LocalApicPort {
    @Override
    public boolean hasInterrupt() {
      return false;
    }

    @Override
    public int acknowledgeInterrupt() {
      return -1;
    }

    @Override
    public ApicEvent takeEvent() {
      return new ApicEvent.None();
    }

    @Override
    public boolean hasEvent() {
      return false;
    }

    @Override
    public int readRegister(int offset) {
      return 0;
    }

    @Override
    public void writeRegister(int offset, int value) {}

    @Override
    public long apicBase() {
      return 0xFEE0_0900L;
    }

    @Override
    public boolean setApicBase(long value) {
      return true;
    }

    @Override
    public long tscDeadline() {
      return 0;
    }

    @Override
    public void setTscDeadline(long deadlineTicks) {}

    @Override
    public int cr8() {
      return 0;
    }

    @Override
    public void setCr8(int value) {}
  }
}
