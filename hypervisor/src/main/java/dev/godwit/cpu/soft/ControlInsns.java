package dev.godwit.cpu.soft;

import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/** Control and debug registers, MSRs, time stamps, RDRAND. */
final class ControlInsns {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final SecureRandom RANDOM = new SecureRandom();

  private ControlInsns() {}

  static Insn clearTaskSwitched(DecodeContext d) {
    return SystemInsn.ending(
        d,
        c -> {
          SystemInsn.requireSupervisor(c);
          c.cr0 &= ~Cr.TS;
        });
  }

  static @Nullable Insn readControl(DecodeContext d) {
    d.modrmOfRegisters();
    int register = d.reg();
    int to = d.rm();
    int size = d.is64() ? 8 : 4;
    if (!controlExists(register)) {
      return null;
    }
    return SystemInsn.plain(
        d,
        c -> {
          SystemInsn.requireSupervisor(c);
          long value =
              switch (register) {
                case 0 -> c.cr0;
                case 2 -> c.cr2;
                case 3 -> c.cr3;
                case 4 -> c.cr4;
                default -> c.ports.apic().cr8();
              };
          SystemInsn.setRegister(c, to, size, value);
        });
  }

  private static boolean controlExists(int register) {
    return register == 0 || register >= 2 && register <= 4 || register == 8;
  }

  static @Nullable Insn writeControl(DecodeContext d) {
    d.modrmOfRegisters();
    int register = d.reg();
    int from = d.rm();
    long mask = d.is64() ? -1 : 0xFFFF_FFFFL;
    if (!controlExists(register)) {
      return null;
    }
    return SystemInsn.ending(
        d,
        c -> {
          SystemInsn.requireSupervisor(c);
          long value = c.regs[from] & mask;
          switch (register) {
            case 0 -> writeCr0(c, value);
            case 2 -> c.cr2 = value;
            case 3 -> writeCr3(c, value);
            case 4 -> writeCr4(c, value);
            default -> {
              require(value >>> 4 == 0);
              c.ports.apic().setCr8((int) value);
              c.attention = true;
            }
          }
        });
  }

  private static void require(boolean valid) {
    if (!valid) {
      throw GuestFault.of(GuestFault.GP);
    }
  }

  private static void writeCr0(SoftCpu c, long wanted) {
    long value = wanted & Cr.CR0_DEFINED | Cr.ET;
    long old = c.cr0;
    long changed = value ^ old;
    require(wanted >>> 32 == 0);
    require((value & Cr.PG) == 0 || (value & Cr.PE) != 0);
    require((value & Cr.NW) == 0 || (value & Cr.CD) != 0);
    long efer = c.efer;
    if ((changed & Cr.PG) != 0) {
      if ((value & Cr.PG) == 0) {
        require(c.codeBits != 64);
        efer &= ~Cr.LMA;
      } else if ((c.efer & Cr.LME) != 0) {
        boolean code64 = (c.segAttributes[DecodeContext.CS] & Segments.L) != 0;
        require((c.cr4 & Cr.PAE) != 0 && !code64);
        efer |= Cr.LMA;
      } else if ((c.cr4 & Cr.PAE) != 0) {
        require(c.mmu.walk.loadPdptes(c.cr3));
      }
    }
    c.efer = efer;
    c.cr0 = value;
    if ((changed & (Cr.PG | Cr.WP | Cr.PE)) != 0) {
      c.mmu.flushAll();
      c.segments.computeAllBounds();
    }
    c.updateMode();
  }

  /** LMSW: the low four bits of CR0; PE can be set but not cleared. */
  static void loadMachineStatus(SoftCpu c, int value) {
    SystemInsn.requireSupervisor(c);
    long low = value & 0xF | c.cr0 & Cr.PE;
    writeCr0(c, c.cr0 & ~0xFL | low);
  }

  private static void writeCr3(SoftCpu c, long value) {
    if (c.longMode()) {
      require(value >>> Cr.PHYSICAL_BITS == 0);
    } else if ((c.cr4 & Cr.PAE) != 0 && (c.cr0 & Cr.PG) != 0) {
      require(c.mmu.walk.loadPdptes(value));
    }
    c.cr3 = value;
    c.mmu.flushLocal();
  }

  private static void writeCr4(SoftCpu c, long value) {
    long changed = value ^ c.cr4;
    require((value & ~Cr.CR4_SUPPORTED) == 0);
    require(!c.longMode() || (value & Cr.PAE) != 0);
    boolean pae = (value & Cr.PAE) != 0 && !c.longMode() && (c.cr0 & Cr.PG) != 0;
    if (pae && (changed & (Cr.PAE | Cr.PSE | Cr.PGE)) != 0) {
      require(c.mmu.walk.loadPdptes(c.cr3));
    }
    c.cr4 = value;
    if ((changed & (Cr.PAE | Cr.PSE | Cr.PGE)) != 0) {
      c.mmu.flushAll();
    }
  }

  /** DR4 and DR5 are DR6 and DR7 unless CR4.DE is set. */
  private static int debugRegister(SoftCpu c, int register) {
    if (register > 7 || (register & 6) == 4 && (c.cr4 & Cr.DE) != 0) {
      throw GuestFault.of(GuestFault.UD);
    }
    SystemInsn.requireSupervisor(c);
    if ((c.dr[7] & 1 << 13) != 0) {
      c.dr[6] |= Breakpoints.BD;
      c.dr[7] &= ~(1L << 13);
      throw GuestFault.of(GuestFault.DB);
    }
    return register >= 4 ? register | 2 : register;
  }

  static Insn readDebug(DecodeContext d) {
    d.modrmOfRegisters();
    int register = d.reg();
    int to = d.rm();
    int size = d.is64() ? 8 : 4;
    return SystemInsn.plain(
        d, c -> SystemInsn.setRegister(c, to, size, c.dr[debugRegister(c, register)]));
  }

  static Insn writeDebug(DecodeContext d) {
    d.modrmOfRegisters();
    int register = d.reg();
    int from = d.rm();
    long mask = d.is64() ? -1 : 0xFFFF_FFFFL;
    return SystemInsn.ending(
        d,
        c -> {
          int dr = debugRegister(c, register);
          long value = c.regs[from] & mask;
          require(dr < 6 || value >>> 32 == 0);
          c.dr[dr] =
              switch (dr) {
                case 6 -> value & 0xE00F | 0xFFFF_0FF0L;
                case 7 -> value & 0xFFFF_2BFFL | 0x400;
                default -> value;
              };
          c.updateMode();
          c.attention = true;
        });
  }

  static Insn rdmsr(DecodeContext d) {
    return SystemInsn.plain(
        d,
        c -> {
          SystemInsn.requireSupervisor(c);
          split(c, c.msrs.read((int) c.regs[RCX]));
        });
  }

  static Insn wrmsr(DecodeContext d) {
    return SystemInsn.ending(
        d,
        c -> {
          SystemInsn.requireSupervisor(c);
          c.msrs.write((int) c.regs[RCX], c.regs[RAX] & 0xFFFF_FFFFL | c.regs[RDX] << 32);
        });
  }

  private static void split(SoftCpu c, long value) {
    c.regs[RAX] = value & 0xFFFF_FFFFL;
    c.regs[RDX] = value >>> 32;
  }

  private static void requireTimeStamp(SoftCpu c) {
    require(c.cpl == 0 || (c.cr4 & Cr.TSD) == 0);
  }

  static Insn rdtsc(DecodeContext d) {
    return SystemInsn.plain(
        d,
        c -> {
          requireTimeStamp(c);
          split(c, c.msrs.tsc());
        });
  }

  static Insn rdtscp(DecodeContext d) {
    return SystemInsn.plain(
        d,
        c -> {
          requireTimeStamp(c);
          split(c, c.msrs.tsc());
          c.regs[RCX] = c.msrs.tscAux;
        });
  }

  /** RDPMC: this model has no counters, so every index is wrong. */
  static Insn rdpmc(DecodeContext d) {
    return SystemInsn.plain(
        d,
        c -> {
          throw GuestFault.of(GuestFault.GP);
        });
  }

  static Insn rdrand(DecodeContext d) {
    int to = d.rm();
    int size = d.operandSize();
    return SystemInsn.plain(
        d,
        c -> {
          SystemInsn.setRegister(c, to, size, RANDOM.nextLong());
          c.setArithmeticFlags(Flags.CF);
        });
  }
}
