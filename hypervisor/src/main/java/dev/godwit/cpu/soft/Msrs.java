package dev.godwit.cpu.soft;

import dev.godwit.cpu.CpuException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Model-specific registers (SDM vol. 4 ch. 2). What is not here raises #GP, as on a processor that
 * lacks it.
 *
 * <p>Those that instructions use are fields; the rest is storage: MTRRs, PAT and the like have no
 * effect on an interpreter but keep what is written.
 */
final class Msrs {
  private static final Logger LOG = System.getLogger(Msrs.class.getName());

  private static final int TSC = 0x10;
  private static final int PLATFORM_ID = 0x17;
  private static final int APIC_BASE = 0x1B;
  private static final int FEATURE_CONTROL = 0x3A;
  private static final int TSC_ADJUST = 0x3B;
  private static final int BIOS_SIGN_ID = 0x8B;
  private static final int MTRR_CAP = 0xFE;
  private static final int SYSENTER_CS = 0x174;
  private static final int SYSENTER_ESP = 0x175;
  private static final int SYSENTER_EIP = 0x176;
  private static final int MCG_CAP = 0x179;
  private static final int MCG_STATUS = 0x17A;
  private static final int MISC_ENABLE = 0x1A0;
  private static final int DEBUGCTL = 0x1D9;
  private static final int MTRR_PHYS_BASE0 = 0x200;
  private static final int MTRR_PHYS_MASK7 = 0x20F;
  private static final int PAT = 0x277;
  private static final int MTRR_DEF_TYPE = 0x2FF;
  private static final int TSC_DEADLINE = 0x6E0;
  private static final int EFER = 0xC000_0080;
  private static final int STAR = 0xC000_0081;
  private static final int LSTAR = 0xC000_0082;
  private static final int CSTAR = 0xC000_0083;
  private static final int FMASK = 0xC000_0084;
  private static final int FS_BASE = 0xC000_0100;
  private static final int GS_BASE = 0xC000_0101;
  private static final int KERNEL_GS_BASE = 0xC000_0102;
  private static final int TSC_AUX = 0xC000_0103;

  private static final int[] MTRR_FIXED = {
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26A, 0x26B, 0x26C, 0x26D, 0x26E, 0x26F
  };

  private final SoftCpu c;
  private final SortedMap<Integer, Long> stored = new TreeMap<>();
  private final Set<Integer> complained = new HashSet<>();

  long star;
  long lstar;
  long cstar;
  long fmask;
  long kernelGsBase;
  long tscAux;
  long sysenterCs;
  long sysenterEsp;
  long sysenterEip;

  /** Added to the machine's TSC. */
  long tscAdjust;

  Msrs(SoftCpu c) {
    this.c = c;
    stored.put(MISC_ENABLE, 1L); // fast strings
    stored.put(MCG_STATUS, 0L);
    stored.put(DEBUGCTL, 0L);
    stored.put(PAT, 0x0007_0406_0007_0406L);
    // What firmware would set: all is write-back, but for the hole below 4 GiB.
    stored.put(MTRR_DEF_TYPE, 0xC06L);
    for (int i = MTRR_PHYS_BASE0; i <= MTRR_PHYS_MASK7; i++) {
      stored.put(i, 0L);
    }
    stored.put(MTRR_PHYS_BASE0, 0xC000_0000L);
    stored.put(MTRR_PHYS_BASE0 + 1, (1L << Cr.PHYSICAL_BITS) - (1L << 30) | 0x800);
    for (int fixed : MTRR_FIXED) {
      stored.put(fixed, fixed == 0x259 ? 0 : 0x0606_0606_0606_0606L);
    }
  }

  /** Returns the TSC as this vCPU sees it. */
  long tsc() {
    return c.ports.clock().tsc() + tscAdjust;
  }

  /** RDMSR; raises #GP(0). */
  long read(int msr) {
    return switch (msr) {
      case TSC -> tsc();
      case PLATFORM_ID, BIOS_SIGN_ID, MCG_CAP -> 0;
      case FEATURE_CONTROL -> 1; // locked, no VMX
      case MTRR_CAP -> 0x508; // eight variable ranges, fixed ranges, write-combining
      case APIC_BASE -> c.ports.apic().apicBase();
      case TSC_ADJUST -> tscAdjust;
      case TSC_DEADLINE -> {
        long deadline = c.ports.apic().tscDeadline();
        yield deadline == 0 ? 0 : deadline + tscAdjust;
      }
      case SYSENTER_CS -> sysenterCs;
      case SYSENTER_ESP -> sysenterEsp;
      case SYSENTER_EIP -> sysenterEip;
      case EFER -> c.efer;
      case STAR -> star;
      case LSTAR -> lstar;
      case CSTAR -> cstar;
      case FMASK -> fmask;
      case FS_BASE -> c.segBase[DecodeContext.FS];
      case GS_BASE -> c.segBase[DecodeContext.GS];
      case KERNEL_GS_BASE -> kernelGsBase;
      case TSC_AUX -> tscAux;
      default -> {
        Long value = stored.get(msr);
        if (value == null) {
          throw unknown(msr, "read");
        }
        yield value;
      }
    };
  }

  /** WRMSR; raises #GP(0). */
  void write(int msr, long value) {
    switch (msr) {
      case TSC -> tscAdjust += value - tsc();
      case BIOS_SIGN_ID -> {}
      case APIC_BASE -> {
        require(c.ports.apic().setApicBase(value));
        c.mmu.flushAll();
        c.attention = true;
      }
      case TSC_ADJUST -> tscAdjust = value;
      case TSC_DEADLINE -> {
        c.ports.apic().setTscDeadline(value == 0 ? 0 : value - tscAdjust);
        c.attention = true;
      }
      case SYSENTER_CS -> sysenterCs = value & 0xFFFF_FFFFL;
      case SYSENTER_ESP -> sysenterEsp = canonical(value);
      case SYSENTER_EIP -> sysenterEip = canonical(value);
      case EFER -> writeEfer(value);
      case STAR -> star = value;
      case LSTAR -> lstar = canonical(value);
      case CSTAR -> cstar = canonical(value);
      case FMASK -> fmask = value & 0xFFFF_FFFFL;
      case FS_BASE -> c.segBase[DecodeContext.FS] = canonical(value);
      case GS_BASE -> c.segBase[DecodeContext.GS] = canonical(value);
      case KERNEL_GS_BASE -> kernelGsBase = canonical(value);
      case TSC_AUX -> {
        require(value >>> 32 == 0);
        tscAux = value;
      }
      case PAT -> {
        for (int i = 0; i < 64; i += 8) {
          int type = (int) (value >>> i) & 0xFF;
          require(type < 8 && type != 2 && type != 3);
        }
        stored.put(PAT, value);
      }
      default -> {
        if (!stored.containsKey(msr)) {
          throw unknown(msr, "write");
        }
        stored.put(msr, value);
      }
    }
  }

  private static long canonical(long value) {
    require(Cr.canonical(value));
    return value;
  }

  private static void require(boolean valid) {
    if (!valid) {
      throw GuestFault.of(GuestFault.GP);
    }
  }

  private GuestFault unknown(int msr, String what) {
    if (complained.add(msr)) {
      LOG.log(
          Level.DEBUG,
          "{0} of unknown MSR 0x{1} at rip 0x{2}: #GP",
          what,
          Integer.toHexString(msr),
          Long.toHexString(c.rip));
    }
    return GuestFault.of(GuestFault.GP);
  }

  private void writeEfer(long value) {
    require((value & ~Cr.EFER_SUPPORTED) == 0);
    // LME must not change while paging is on; LMA follows from LME and CR0.PG.
    require((c.cr0 & Cr.PG) == 0 || ((value ^ c.efer) & Cr.LME) == 0);
    long old = c.efer;
    c.efer = value & ~Cr.LMA | old & Cr.LMA;
    if (((old ^ c.efer) & Cr.NXE) != 0) {
      c.mmu.flushAll();
    }
  }

  /**
   * Returns what a snapshot holds: every register that has state of its own. The TSC is in the
   * machine's clock.
   */
  SortedMap<Integer, Long> save() {
    SortedMap<Integer, Long> all = new TreeMap<>(stored);
    all.put(TSC_ADJUST, tscAdjust);
    all.put(SYSENTER_CS, sysenterCs);
    all.put(SYSENTER_ESP, sysenterEsp);
    all.put(SYSENTER_EIP, sysenterEip);
    all.put(EFER, c.efer);
    all.put(STAR, star);
    all.put(LSTAR, lstar);
    all.put(CSTAR, cstar);
    all.put(FMASK, fmask);
    all.put(KERNEL_GS_BASE, kernelGsBase);
    all.put(TSC_AUX, tscAux);
    return all;
  }

  /**
   * Takes a snapshot's registers; those not named keep their reset value.
   *
   * @throws CpuException BAD_STATE for a register that this CPU model does not have
   */
  void restore(SortedMap<Integer, Long> all) {
    SortedMap<Integer, Long> known = save();
    for (Map.Entry<Integer, Long> entry : all.entrySet()) {
      int msr = entry.getKey();
      long value = entry.getValue();
      if (!known.containsKey(msr)) {
        throw new CpuException(
            CpuException.Code.BAD_STATE,
            "the state has MSR 0x%x, which the CPU model %s has not"
                .formatted(msr, c.ports.model().title()));
      }
      switch (msr) {
        case TSC_ADJUST -> tscAdjust = value;
        case EFER -> c.efer = value;
        case STAR -> star = value;
        case LSTAR -> lstar = value;
        case CSTAR -> cstar = value;
        case FMASK -> fmask = value;
        case KERNEL_GS_BASE -> kernelGsBase = value;
        case TSC_AUX -> tscAux = value;
        case SYSENTER_CS -> sysenterCs = value;
        case SYSENTER_ESP -> sysenterEsp = value;
        case SYSENTER_EIP -> sysenterEip = value;
        default -> stored.put(msr, value);
      }
    }
  }
}
