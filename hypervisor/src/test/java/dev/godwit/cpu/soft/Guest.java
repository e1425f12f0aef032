package dev.godwit.cpu.soft;

import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.bus.PortHandler;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuPorts;
import dev.godwit.memory.GuestMemory;
import java.util.HexFormat;

/**
 * A machine with one vCPU, 16 MiB of RAM and nothing else. An OUT to port F4h ends {@link #run}.
 *
 * <p>{@link #longMode} lays out: page tables from 1000h (first GiB identity-mapped by 2 MiB pages,
 * supervisor), GDT at 8000h, IDT at 9000h, TSS at A000h, stack below 80000h, code at 10000h.
 */
final class Guest implements AutoCloseable {
  static final long PML4 = 0x1000;
  static final long PDPT = 0x2000;
  static final long PD = 0x3000;
  static final long PT = 0x4000;
  static final long GDT = 0x8000;
  static final long IDT = 0x9000;
  static final long TSS = 0xA000;
  static final long CODE = 0x10000;
  static final long STACK = 0x80000;

  static final int KERNEL_CS = 0x08;
  static final int KERNEL_SS = 0x10;
  static final int USER_SS = 0x1B;
  static final int USER_CS = 0x23;
  static final int TSS_SELECTOR = 0x28;

  static final int EXIT_PORT = 0xF4;

  final GuestMemory memory = GuestMemory.allocate(16 << 20);
  final PortBus io = new PortBus();
  final MmioBus mmio = new MmioBus();
  final GuestClock clock = new GuestClock(System::nanoTime, 1_000_000_000L);
  final FakeApic apic = new FakeApic();
  final SoftCpuEngine engine = new SoftCpuEngine();
  final SoftVcpu vcpu;
  final SoftCpu cpu;

  /** The second tier of guests made from now on; tests that change it restore it. */
  static Translator.Mode translation = Translator.MODE;

  /** The last value written to the exit port. */
  int exitValue;

  Guest() {
    vcpu =
        (SoftVcpu)
            engine.createVcpu(
                0, new VcpuPorts(memory, io, mmio, clock, apic, 1, CpuModel.X86_64_V2));
    cpu = vcpu.cpu();
    cpu.translator.setMode(translation);
    io.map(
        EXIT_PORT,
        1,
        "exit",
        new PortHandler() {
          @Override
          public int readPort(int port, int sizeBytes) {
            return 0;
          }

          @Override
          public void writePort(int port, int sizeBytes, int value) {
            exitValue = value;
            vcpu.requestExit();
          }
        });
    clock.thaw(0);
  }

  /** Makes a guest in 64-bit mode, CPL 0, RIP at {@link #CODE}, with that code there. */
  static Guest longMode(String hex) {
    Guest g = new Guest();
    g.memory.write64(PML4, PDPT | 7);
    g.memory.write64(PDPT, PD | 7);
    for (int i = 0; i < 512; i++) {
      g.memory.write64(PD + 8L * i, (long) i << 21 | 0x83);
    }
    g.memory.write64(GDT + KERNEL_CS, 0x00AF_9B00_0000_FFFFL);
    g.memory.write64(GDT + KERNEL_SS, 0x00CF_9300_0000_FFFFL);
    g.memory.write64(GDT + (USER_SS & ~7), 0x00CF_F300_0000_FFFFL);
    g.memory.write64(GDT + (USER_CS & ~7), 0x00AF_FB00_0000_FFFFL);
    g.memory.write64(GDT + TSS_SELECTOR, 0x0000_8900_0000_0067L | TSS << 16);
    g.memory.write64(TSS + 4, STACK - 0x1000); // RSP0
    SoftCpu c = g.cpu;
    c.cr0 = Cr.PE | Cr.PG | Cr.NE | Cr.ET | Cr.WP;
    c.cr4 = Cr.PAE | Cr.PGE | Cr.OSFXSR | Cr.OSXMMEXCPT;
    c.cr3 = PML4;
    c.efer = Cr.LME | Cr.LMA | Cr.SCE | Cr.NXE;
    c.gdtBase = GDT;
    c.gdtLimit = 0x37;
    c.idtBase = IDT;
    c.idtLimit = 0xFFF;
    c.segments.load(DecodeContext.CS, KERNEL_CS, g.memory.read64(GDT + KERNEL_CS));
    for (int seg :
        new int[] {
          DecodeContext.ES, DecodeContext.SS, DecodeContext.DS, DecodeContext.FS, DecodeContext.GS
        }) {
      c.segments.load(seg, KERNEL_SS, g.memory.read64(GDT + KERNEL_SS));
    }
    c.segments.loadTask(TSS_SELECTOR);
    c.mmu.flushAll();
    c.setCpl(0);
    c.regs[4] = STACK;
    c.rip = CODE;
    g.code(CODE, hex);
    return g;
  }

  /** Writes code or data given as hex digits; white space is ignored. */
  void code(long gpa, String hex) {
    memory.copyIn(gpa, HexFormat.of().parseHex(hex.replaceAll("\\s", "")));
  }

  /** Writes a 64-bit gate: type 14 or 15, DPL, IST. */
  void gate(int vector, long target, int type, int dpl, int ist) {
    long low =
        target & 0xFFFF
            | (long) KERNEL_CS << 16
            | (long) ist << 32
            | (long) (0x80 | dpl << 5 | type) << 40
            | (target >>> 16 & 0xFFFF) << 48;
    memory.write64(IDT + 16L * vector, low);
    memory.write64(IDT + 16L * vector + 8, target >>> 32);
  }

  /** Splits the first 2 MiB into 4 KiB pages, all with these bits. */
  void smallPages(long bits) {
    for (int i = 0; i < 512; i++) {
      memory.write64(PT + 8L * i, (long) i << 12 | bits);
    }
    memory.write64(PD, PT | 7);
    cpu.mmu.flushAll();
  }

  /** Returns the gpa of the entry that {@link #smallPages} made for a page. */
  static long entryOf(long lin) {
    return PT + 8 * (lin >>> 12);
  }

  /** Adds a second vCPU in the state of the first but for RIP, with an APIC of its own. */
  SoftVcpu secondVcpu(long rip) {
    VcpuPorts ports = new VcpuPorts(memory, io, mmio, clock, new FakeApic(), 2, CpuModel.X86_64_V2);
    SoftVcpu second = (SoftVcpu) engine.createVcpu(1, ports);
    second.cpu().translator.setMode(translation);
    second.restore(vcpu.save());
    second.cpu().rip = rip;
    return second;
  }

  /** Runs until the exit port is written. */
  Vcpu.Exit run() {
    return vcpu.run();
  }

  @Override
  public void close() {
    engine.close();
    vcpu.close();
    clock.close();
    memory.close();
  }
}
