package dev.godwit.cpu.soft;

/** Bits of control registers, EFER and RFLAGS (SDM vol. 3A 2.3, 2.5, vol. 4 table 2-2). */
final class Cr {
  // CR0
  static final long PE = 1;
  static final long MP = 1 << 1;
  static final long EM = 1 << 2;
  static final long TS = 1 << 3;
  static final long ET = 1 << 4;
  static final long NE = 1 << 5;
  static final long WP = 1 << 16;
  static final long AM = 1 << 18;
  static final long NW = 1 << 29;
  static final long CD = 1 << 30;
  static final long PG = 1L << 31;
  static final long CR0_DEFINED = PE | MP | EM | TS | ET | NE | WP | AM | NW | CD | PG;

  // CR4
  static final long VME = 1;
  static final long PVI = 1 << 1;
  static final long TSD = 1 << 2;
  static final long DE = 1 << 3;
  static final long PSE = 1 << 4;
  static final long PAE = 1 << 5;
  static final long MCE = 1 << 6;
  static final long PGE = 1 << 7;
  static final long PCE = 1 << 8;
  static final long OSFXSR = 1 << 9;
  static final long OSXMMEXCPT = 1 << 10;

  /** What this CPU model lets a guest set; anything else raises #GP. */
  static final long CR4_SUPPORTED = TSD | DE | PSE | PAE | MCE | PGE | PCE | OSFXSR | OSXMMEXCPT;

  // EFER
  static final long SCE = 1;
  static final long LME = 1 << 8;
  static final long LMA = 1 << 10;
  static final long NXE = 1 << 11;
  static final long EFER_SUPPORTED = SCE | LME | LMA | NXE;

  /** The bits of RFLAGS that exist, but for the arithmetic flags and bit 1. */
  static final long RFLAGS_REST =
      Flags.TF
          | Flags.IF
          | Flags.DF
          | Flags.IOPL
          | Flags.NT
          | Flags.RF
          | Flags.VM
          | Flags.AC
          | Flags.VIF
          | Flags.VIP
          | Flags.ID;

  /** Bits of a physical address; CPUID leaf 8000_0008 says so. */
  static final int PHYSICAL_BITS = 46;

  private Cr() {}

  /** Says whether a linear address has bits 63–47 all equal. */
  static boolean canonical(long address) {
    return address << 16 >> 16 == address;
  }
}
