package dev.godwit.cpu.soft;

import dev.godwit.clock.Frequencies;
import java.nio.charset.StandardCharsets;

/**
 * What CPUID says of the CPU model.
 *
 * <p>It presents itself as an in-order core without speculation (family 6, model 1Ch), which is
 * what an interpreter is: no guest then spends time on work-arounds for speculative execution.
 * Frequencies are announced (leaves 15h, 16h), so that nothing needs calibration.
 */
final class Cpuid {
  private static final int SIGNATURE = 0x0001_06CA;
  private static final int MAX_BASIC = 0x16;
  private static final int MAX_EXTENDED = 0x8000_0008;

  private static final String VENDOR = "GenuineIntel";

  // fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2
  private static final int FEATURES_EDX = 0x078B_FBFD;
  private static final int HYPER_THREADING = 1 << 28;
  // sse3, ssse3, sse4.1, sse4.2
  private static final int LATER_SSE = 1 | 1 << 9 | 1 << 19 | 1 << 20;
  // cx16, popcnt, tsc-deadline, rdrand, hypervisor
  private static final int FEATURES_ECX = 1 << 13 | 1 << 23 | 1 << 24 | 1 << 30 | 1 << 31;
  // tsc_adjust, erms
  private static final int LEAF7_EBX = 1 << 1 | 1 << 9;
  // fsrm
  private static final int LEAF7_EDX = 1 << 4;
  // syscall, nx, 1 GiB pages, rdtscp, lm
  private static final int EXTENDED_EDX = 1 << 11 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29;

  private final SoftCpu c;

  private int eax;
  private int ebx;
  private int ecx;
  private int edx;

  Cpuid(SoftCpu c) {
    this.c = c;
  }

  /** Returns leaf 1's EAX, which is also in EDX after a reset. */
  long signature() {
    return SIGNATURE;
  }

  /** Executes CPUID on the registers. */
  void execute() {
    leaf((int) c.regs[0], (int) c.regs[1]);
    c.regs[0] = eax & 0xFFFF_FFFFL;
    c.regs[3] = ebx & 0xFFFF_FFFFL;
    c.regs[1] = ecx & 0xFFFF_FFFFL;
    c.regs[2] = edx & 0xFFFF_FFFFL;
  }

  private void set(int a, int b, int cx, int d) {
    eax = a;
    ebx = b;
    ecx = cx;
    edx = d;
  }

  private void leaf(int leaf, int subleaf) {
    set(0, 0, 0, 0);
    if (leaf >= 0x4000_0000 && leaf < 0x4001_0000) {
      return;
    }
    int wanted =
        leaf >= 0 && leaf > MAX_BASIC || leaf < 0 && leaf > MAX_EXTENDED ? MAX_BASIC : leaf;
    switch (wanted) {
      case 0 -> vendor();
      case 1 -> features();
      case 2 -> set(1, 0, 0, 0);
      case 4 -> cache(subleaf);
      case 6 -> set(1 << 2, 0, 0, 0); // ARAT
      case 7 -> {
        if (subleaf == 0) {
          set(0, LEAF7_EBX, 0, LEAF7_EDX);
        }
      }
      case 0xB -> topology(subleaf);
      case 0x15 -> crystal();
      case 0x16 -> {
        int mhz = (int) (c.ports.clock().tscHz() / 1_000_000);
        set(mhz, mhz, 100, 0);
      }
      case 0x8000_0000 -> set(MAX_EXTENDED, 0, 0, 0);
      case 0x8000_0001 -> set(0, 0, 1, EXTENDED_EDX); // ECX: LAHF and SAHF in 64-bit mode
      case 0x8000_0002, 0x8000_0003, 0x8000_0004 -> brand(wanted - 0x8000_0002);
      case 0x8000_0006 -> set(0, 0, 0x0400_6040, 0);
      case 0x8000_0007 -> set(0, 0, 0, 1 << 8); // invariant TSC
      case 0x8000_0008 -> set(48 << 8 | Cr.PHYSICAL_BITS, 0, 0, 0);
      default -> {}
    }
  }

  /** The TSC's ratio to the crystal clock, which is also what the local APIC's timer counts. */
  private void crystal() {
    Frequencies.crystalRatio(c.ports.clock().tscHz())
        .ifPresent(
            ratio -> set(ratio.denominator(), ratio.numerator(), (int) Frequencies.CRYSTAL_HZ, 0));
  }

  private void vendor() {
    set(MAX_BASIC, word(VENDOR, 0), word(VENDOR, 8), word(VENDOR, 4));
  }

  private static int word(String text, int at) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    int value = 0;
    for (int i = 3; i >= 0; i--) {
      value = value << 8 | (at + i < bytes.length ? bytes[at + i] : 0);
    }
    return value;
  }

  private void brand(int third) {
    String brand = "Godwit " + c.ports.model().title() + " processor";
    int at = third * 16;
    set(word(brand, at), word(brand, at + 4), word(brand, at + 8), word(brand, at + 12));
  }

  private void features() {
    int vcpus = c.ports.vcpus();
    boolean apicOff = (c.ports.apic().apicBase() & 0x800) == 0;
    set(
        SIGNATURE,
        c.index << 24 | vcpus << 16 | 8 << 8,
        FEATURES_ECX | (c.ports.model().hasLaterSse() ? LATER_SSE : 0),
        (FEATURES_EDX | (vcpus > 1 ? HYPER_THREADING : 0)) & ~(apicOff ? 1 << 9 : 0));
  }

  private void cache(int subleaf) {
    int cores = Integer.highestOneBit(Math.max(1, 2 * c.ports.vcpus() - 1)) - 1;
    int top = cores << 26;
    switch (subleaf) {
      case 0 -> set(top | 0x121, 0x01C0_003F, 0x3F, 0);
      case 1 -> set(top | 0x122, 0x01C0_003F, 0x3F, 0);
      case 2 -> set(top | 0x143, 0x01C0_003F, 0x7FF, 0);
      default -> {}
    }
  }

  private void topology(int subleaf) {
    int vcpus = c.ports.vcpus();
    switch (subleaf) {
      case 0 -> set(0, 1, 0x100, c.index);
      case 1 -> set(32 - Integer.numberOfLeadingZeros(vcpus - 1), vcpus, 0x201, c.index);
      default -> set(0, 0, subleaf & 0xFF, c.index);
    }
  }
}
