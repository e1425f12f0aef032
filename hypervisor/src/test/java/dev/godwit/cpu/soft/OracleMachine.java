package dev.godwit.cpu.soft;

import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.VcpuPorts;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.memory.GuestMemory;

/**
 * A software CPU in user mode whose only mapped pages are the code page and the data page of {@link
 * OracleCase}, as on the host.
 */
final class OracleMachine implements AutoCloseable {
  static final long CODE_GPA = 0x20_0000;
  static final long DATA_GPA = 0x30_1000;

  private static final long PML4 = 0x1000;
  private static final long PDPT = 0x2000;
  private static final long PD = 0x3000;
  private static final long CODE_TABLE = 0x4000;
  private static final long DATA_TABLE = 0x5000;
  private static final long NO_EXECUTE = 1L << 63;
  private static final long CODE64 = 0x00AF_FB00_0000_FFFFL;
  private static final long CODE32 = 0x00CF_FB00_0000_FFFFL;
  private static final long DATA = 0x00CF_F300_0000_FFFFL;

  final GuestMemory memory = GuestMemory.allocate(4 << 20);
  final SoftCpu cpu;
  private final GuestClock clock = new GuestClock(System::nanoTime, 1_000_000_000L);

  OracleMachine() {
    cpu =
        new SoftCpu(
            new VcpuPorts(
                memory,
                new PortBus(),
                new MmioBus(),
                clock,
                new FakeApic(),
                1,
                CpuModel.X86_64_V2));
    memory.write64(PML4, PDPT | 7);
    memory.write64(PDPT, PD | 7);
    map(CODE_TABLE, OracleCase.CODE_BASE, CODE_GPA | 7);
    map(DATA_TABLE, OracleCase.DATA_BASE, DATA_GPA | 7 | NO_EXECUTE);
    cpu.cr0 = Cr.PE | Cr.PG | Cr.NE | Cr.ET | Cr.WP;
    cpu.cr4 = Cr.PAE;
    cpu.cr3 = PML4;
    cpu.efer = Cr.LME | Cr.LMA | Cr.NXE;
    for (int seg : new int[] {DecodeContext.ES, DecodeContext.SS, DecodeContext.DS}) {
      cpu.segments.load(seg, 0x2B, DATA);
    }
    mode(true);
  }

  private void map(long table, long lin, long entry) {
    memory.write64(PD + 8 * (lin >>> 21), table | 7);
    memory.write64(table + 8 * (lin >>> 12 & 511), entry);
  }

  /** Switches between 64-bit and 32-bit user code. */
  void mode(boolean longMode) {
    cpu.segments.load(DecodeContext.CS, longMode ? 0x33 : 0x23, longMode ? CODE64 : CODE32);
    cpu.mmu.flushAll();
    cpu.setCpl(3);
  }

  @Override
  public void close() {
    clock.close();
    memory.close();
  }
}
