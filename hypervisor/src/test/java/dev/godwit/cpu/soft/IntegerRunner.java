package dev.godwit.cpu.soft;

import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.oracle.OracleResult;
import dev.godwit.memory.GuestMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs {@link OracleCase}s on the software CPU, instruction by instruction or, in 64-bit mode, as
 * translated regions, and compares with the host's results.
 */
final class IntegerRunner implements AutoCloseable {
  private static final int MOST_STEPS = 4096;
  private static final byte INT3 = (byte) 0xCC;

  private final OracleMachine machine = new OracleMachine();
  private final SoftCpu cpu = machine.cpu;
  private final GuestMemory memory = machine.memory;
  private final DecodeContext decoder = new DecodeContext(CpuModel.X86_64_V2);
  private final byte[] page = new byte[OracleCase.PAGE_BYTES];
  private final boolean translated;
  private final Map<Long, Region> regions = new HashMap<>();
  private boolean longMode = true;

  /**
   * Makes a runner.
   *
   * @param translated whether 64-bit code is translated
   */
  IntegerRunner(boolean translated) {
    this.translated = translated;
  }

  /** Runs a case until it reaches an INT3 or faults. */
  OracleResult run(OracleCase c) {
    if (c.longMode != longMode) {
      longMode = c.longMode;
      machine.mode(longMode);
    }
    Arrays.fill(page, INT3);
    System.arraycopy(c.code, 0, page, c.codeOffset, c.code.length);
    memory.copyIn(OracleMachine.CODE_GPA, page);
    Arrays.fill(page, OracleCase.DATA_FILL);
    System.arraycopy(c.mem, 0, page, c.memOffset, c.mem.length);
    memory.copyIn(OracleMachine.DATA_GPA, page);
    System.arraycopy(c.gpr, 0, cpu.regs, 0, 16);
    cpu.setArithmeticFlags(c.rflags);
    cpu.flagsRest = c.rflags & Flags.DF | Flags.IF;
    regions.clear();
    cpu.rip = OracleCase.CODE_BASE + c.codeOffset;
    GuestFault fault = null;
    for (int i = 0; i < MOST_STEPS && codeByte(cpu.rip) != (INT3 & 0xFF); i++) {
      try {
        if (translated && c.longMode) {
          regions.computeIfAbsent(cpu.rip, this::translate).run(cpu);
        } else {
          interpret(cpu.rip);
        }
        cpu.mmu.translateFetch(cpu.rip);
      } catch (GuestFault f) {
        fault = f;
        break;
      }
    }
    return result(c, fault, cpu.rip);
  }

  private void interpret(long rip) {
    try {
      Insn insn = decode(rip);
      insn.execute(cpu);
      if (!insn.endsBlock()) {
        cpu.rip = insn.nextRip;
      }
    } catch (GuestFault fault) {
      cpu.rip = rip;
      throw fault;
    }
  }

  private Insn decode(long rip) {
    decoder.begin(at -> codeByte(rip + at), rip, longMode ? 64 : 32, true);
    return OpcodeTable.decode(decoder);
  }

  /** Translates what follows up to an INT3, branches included, as one region. */
  private Region translate(long start) {
    List<RegionPlan.Part> parts = new ArrayList<>();
    List<Insn> insns = new ArrayList<>();
    long first = start;
    long rip = start;
    boolean more = true;
    while (more) {
      Insn insn = decode(rip);
      insns.add(insn);
      rip = insn.nextRip;
      more = codeByte(rip) != (INT3 & 0xFF);
      if (insn.endsBlock() || !more) {
        Insn[] code = insns.toArray(new Insn[0]);
        int bytes = (int) (rip - first);
        Block block = new Block(first, cpu.mode, gpa(first), -1, bytes, code, !insn.endsBlock());
        parts.add(new RegionPlan.Part(block, code, List.of()));
        insns.clear();
        first = rip;
      }
    }
    return RegionWriter.write(new RegionPlan(parts.getFirst().block(), parts, cpu.tlb, false), cpu);
  }

  private static long gpa(long rip) {
    return OracleMachine.CODE_GPA + (rip & OracleCase.PAGE_BYTES - 1);
  }

  @Override
  public void close() {
    machine.close();
  }

  private int codeByte(long rip) {
    return memory.read8(gpa(rip));
  }

  private OracleResult result(OracleCase c, @Nullable GuestFault fault, long rip) {
    byte[] mem = new byte[c.mem.length];
    boolean outside = false;
    for (int i = 0; i < OracleCase.PAGE_BYTES; i++) {
      byte b = (byte) memory.read8(OracleMachine.DATA_GPA + i);
      if (i >= c.memOffset && i < c.memOffset + mem.length) {
        mem[i - c.memOffset] = b;
      } else {
        outside |= b != OracleCase.DATA_FILL;
      }
    }
    long[] gpr = Arrays.copyOf(cpu.regs, 16);
    int vector = fault == null ? GuestFault.BP : fault.vector;
    return new OracleResult(
        signal(vector),
        vector,
        fault == null ? 0 : fault.errorCode,
        fault == null ? 0 : fault.address,
        rip,
        gpr,
        cpu.rflags(),
        outside,
        c.fx,
        mem);
  }

  private static int signal(int vector) {
    return switch (vector) {
      case GuestFault.BP, GuestFault.DB -> OracleResult.SIGTRAP;
      case GuestFault.DE, GuestFault.MF, GuestFault.XM -> OracleResult.SIGFPE;
      case GuestFault.UD -> OracleResult.SIGILL;
      case GuestFault.SS, GuestFault.AC -> OracleResult.SIGBUS;
      default -> OracleResult.SIGSEGV;
    };
  }

  /** Returns what differs, or null; flags in {@code undefined} don't count. */
  static @Nullable String difference(
      OracleCase c, OracleResult host, OracleResult soft, int undefined) {
    StringBuilder s = new StringBuilder();
    if (host.signal() != soft.signal() || host.vector() != soft.vector()) {
      s.append(" vector ").append(host.vector()).append(" / ").append(soft.vector());
    }
    if (host.rip() != soft.rip()) {
      s.append(String.format(" rip %x / %x", host.rip(), soft.rip()));
    }
    if (host.vector() == GuestFault.PF && host.cr2() != soft.cr2()) {
      s.append(String.format(" cr2 %x / %x", host.cr2(), soft.cr2()));
    }
    boolean kernelAddress = host.cr2() < 0; // it may be mapped on the host
    if (host.vector() == GuestFault.PF && !kernelAddress && host.errorCode() != soft.errorCode()) {
      s.append(String.format(" error code %x / %x", host.errorCode(), soft.errorCode()));
    }
    for (int i = 0; i < 16; i++) {
      if (host.gpr()[i] != soft.gpr()[i]) {
        s.append(String.format(" r%d %x / %x", i, host.gpr()[i], soft.gpr()[i]));
      }
    }
    long flags = (host.rflags() ^ soft.rflags()) & OracleCase.SETTABLE_FLAGS & ~undefined;
    if (flags != 0) {
      s.append(String.format(" flags differ in %x: %x / %x", flags, host.rflags(), soft.rflags()));
    }
    for (int i = 0; i < host.mem().length; i++) {
      if (host.mem()[i] != soft.mem()[i]) {
        s.append(String.format(" mem[%d] %02x / %02x", i, host.mem()[i], soft.mem()[i]));
      }
    }
    if (host.changedOutside() != soft.changedOutside()) {
      s.append(" writes outside the window ")
          .append(host.changedOutside())
          .append(" / ")
          .append(soft.changedOutside());
    }
    return s.isEmpty() ? null : "host / soft:" + s + "\n" + c;
  }
}
