package dev.godwit.boot;

import dev.godwit.bus.AddressMap;
import dev.godwit.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * The ACPI tables (ACPI 6.5 chapter 5): how a system learns of processors, interrupt controllers,
 * timers and the PCI bus. They lie in reserved memory from {@link AddressMap#ACPI_TABLES_GPA} on,
 * the RSDP first.
 */
public final class AcpiTables {
  /** The xAPIC has 8-bit ids, of which 255 means everyone. */
  public static final int MAX_VCPUS = 255;

  private static final int HEADER_BYTES = 36;
  private static final int RSDP_BYTES = 36;
  private static final int FACS_BYTES = 64;
  private static final int ALIGNMENT = 64;

  private static final int FADT_BYTES = 276;
  private static final int FADT_FIRMWARE_CONTROL = 36;
  private static final int FADT_DSDT = 40;
  private static final int FADT_X_DSDT = 140;

  private static final int FADT_WBINVD = 1;
  private static final int FADT_C1_SUPPORTED = 1 << 2;
  private static final int FADT_NO_SLEEP_BUTTON = 1 << 5;
  private static final int FADT_NO_RTC_WAKE_STATUS = 1 << 6;
  private static final int FADT_TIMER_32_BITS = 1 << 8;
  private static final int FADT_RESET_REGISTER = 1 << 10;

  private static final int BOOT_ARCH_LEGACY_DEVICES = 1;
  private static final int BOOT_ARCH_NO_VGA = 1 << 2;
  private static final int BOOT_ARCH_NO_ASPM = 1 << 4;

  /** Interrupt source override: active high, level-triggered. */
  private static final int MPS_LEVEL_HIGH = 0x0D;

  /**
   * What the HPET's capability register says of it: revision 1, three timers, 64-bit counter,
   * legacy replacement, Intel (IA-PC HPET 1.0a §2.3.4).
   */
  private static final int HPET_BLOCK_ID = 0x8086_A201;

  /** The shortest period in periodic mode, in ticks, at which no interrupt is lost. */
  private static final int HPET_LEAST_TICKS = 10_000;

  private static final int MADT_PICS_TOO = 1;

  /** Where in CMOS the century is. */
  private static final int CMOS_CENTURY = 0x32;

  /** Reset control: full reset, now. */
  private static final int RESET_NOW = 6;

  private AcpiTables() {}

  /**
   * Writes all tables.
   *
   * @return the gpa of the RSDP
   */
  public static long write(GuestMemory memory, Board board) {
    long facs = align(AddressMap.ACPI_TABLES_GPA + RSDP_BYTES);
    memory.copyIn(facs, facs());
    long dsdt = facs + FACS_BYTES;
    long next = put(memory, dsdt, table("DSDT", 2, Dsdt.aml(board.comPorts())));
    List<Long> listed = new ArrayList<>();
    for (byte[] table : List.of(fadt(facs, dsdt), madt(board.vcpus()), hpet(), mcfg())) {
      listed.add(next);
      next = put(memory, next, table);
    }
    long xsdt = next;
    Struct pointers = new Struct(8 * listed.size());
    listed.forEach(pointers::add64);
    next = put(memory, xsdt, table("XSDT", 1, pointers.bytes()));
    if (next > AddressMap.KERNEL_GPA) {
      throw new IllegalStateException("the ACPI tables need more than their 64 KiB");
    }
    memory.copyIn(AddressMap.ACPI_TABLES_GPA, rsdp(xsdt));
    return AddressMap.ACPI_TABLES_GPA;
  }

  private static long put(GuestMemory memory, long gpa, byte[] table) {
    memory.copyIn(gpa, table);
    return align(gpa + table.length);
  }

  private static long align(long gpa) {
    return (gpa + ALIGNMENT - 1) & -ALIGNMENT;
  }

  private static byte[] rsdp(long xsdt) {
    Struct rsdp = new Struct(RSDP_BYTES);
    rsdp.add("RSD PTR ").add8(0).add("GODWIT").add8(2).add32(0).add32(RSDP_BYTES).add64(xsdt);
    // The first sum covers what ACPI 1.0 had, the second all of it.
    rsdp.put8(8, checksum(rsdp.bytes(), 20));
    rsdp.put8(32, checksum(rsdp.bytes(), RSDP_BYTES));
    return rsdp.bytes();
  }

  private static byte[] facs() {
    return new Struct(FACS_BYTES).add("FACS").add32(FACS_BYTES).put8(32, 2).bytes();
  }

  private static byte[] fadt(long facs, long dsdt) {
    Struct fadt = new Struct(FADT_BYTES);
    fadt.put32(FADT_FIRMWARE_CONTROL, facs).put32(FADT_DSDT, dsdt);
    fadt.put16(46, AddressMap.SCI_GSI);
    fadt.put32(48, AddressMap.SMI_COMMAND_PORT);
    fadt.put8(52, AddressMap.ACPI_ENABLE_COMMAND);
    fadt.put8(53, AddressMap.ACPI_DISABLE_COMMAND);
    fadt.put32(56, AddressMap.PM1A_EVENT_PORT);
    fadt.put32(64, AddressMap.PM1A_CONTROL_PORT);
    fadt.put32(76, AddressMap.PM_TIMER_PORT);
    fadt.put8(88, 4).put8(89, 2).put8(91, 4);
    // Latencies beyond 100 and 1000 µs say that C2 and C3 are not supported.
    fadt.put16(96, 101).put16(98, 1001);
    fadt.put8(108, CMOS_CENTURY);
    fadt.put16(109, BOOT_ARCH_LEGACY_DEVICES | BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_ASPM);
    fadt.put32(
        112,
        FADT_WBINVD
            | FADT_C1_SUPPORTED
            | FADT_NO_SLEEP_BUTTON
            | FADT_NO_RTC_WAKE_STATUS
            | FADT_TIMER_32_BITS
            | FADT_RESET_REGISTER);
    putPortAddress(fadt, 116, AddressMap.RESET_CONTROL_PORT, 1);
    fadt.put8(128, RESET_NOW);
    fadt.put8(131, 3); // Minor version: 6.3.
    fadt.put64(FADT_X_DSDT, dsdt);
    putPortAddress(fadt, 148, AddressMap.PM1A_EVENT_PORT, 4);
    putPortAddress(fadt, 172, AddressMap.PM1A_CONTROL_PORT, 2);
    putPortAddress(fadt, 208, AddressMap.PM_TIMER_PORT, 4);
    byte[] body = new byte[FADT_BYTES - HEADER_BYTES];
    System.arraycopy(fadt.bytes(), HEADER_BYTES, body, 0, body.length);
    return table("FACP", 6, body);
  }

  /** Writes a generic address structure (ACPI 6.5 §5.2.3.2) for ports. */
  private static void putPortAddress(Struct table, int at, int port, int bytes) {
    int accessSize = bytes == 4 ? 3 : bytes;
    table.put8(at, 1).put8(at + 1, 8 * bytes).put8(at + 3, accessSize).put64(at + 4, port);
  }

  private static byte[] madt(int vcpus) {
    Struct madt = new Struct(8 + 8 * vcpus + 12 + 10 + 10 + 6);
    madt.add32(AddressMap.LOCAL_APIC_GPA).add32(MADT_PICS_TOO);
    for (int apicId = 0; apicId < vcpus; apicId++) {
      madt.add8(0, 8, apicId, apicId).add32(1);
    }
    madt.add8(1, 12, 0, 0).add32(AddressMap.IOAPIC_GPA).add32(0);
    addOverride(madt, AddressMap.PIT_PIC_IRQ, AddressMap.PIT_GSI, 0);
    addOverride(madt, AddressMap.SCI_GSI, AddressMap.SCI_GSI, MPS_LEVEL_HIGH);
    // NMI is at LINT1 of every local APIC.
    madt.add8(4, 6, 0xFF).add16(0).add8(1);
    return table("APIC", 5, madt.bytes());
  }

  private static void addOverride(Struct madt, int isaIrq, int gsi, int flags) {
    madt.add8(2, 10, 0, isaIrq).add32(gsi).add16(flags);
  }

  private static byte[] hpet() {
    Struct hpet = new Struct(20);
    hpet.add32(HPET_BLOCK_ID).add8(0, 64, 0, 0).add64(AddressMap.HPET_GPA);
    hpet.add8(0).add16(HPET_LEAST_TICKS).add8(0);
    return table("HPET", 1, hpet.bytes());
  }

  private static byte[] mcfg() {
    Struct mcfg = new Struct(24);
    mcfg.add64(0).add64(AddressMap.ECAM_GPA).add16(0).add8(0, 0xFF);
    return table("MCFG", 1, mcfg.bytes());
  }

  /** Puts the common header in front (ACPI 6.5 §5.2.6). */
  private static byte[] table(String signature, int revision, byte[] body) {
    int size = HEADER_BYTES + body.length;
    Struct table = new Struct(size);
    table.add(signature).add32(size).add8(revision, 0).add("GODWITGODWITVM").add32(1);
    table.add("GDWT").add32(1).add(body);
    return table.put8(9, checksum(table.bytes(), size)).bytes();
  }

  /** Returns the byte that makes the first {@code size} bytes sum to zero. */
  private static int checksum(byte[] table, int size) {
    int sum = 0;
    for (int i = 0; i < size; i++) {
      sum += table[i];
    }
    return -sum;
  }
}
