package dev.godwit.bus;

import dev.godwit.memory.GuestMemory;

/**
 * Every address that the machine's layout fixes: guest physical addresses, I/O ports and global
 * system interrupts. The values are those of a PC with bhyve's choices where a PC leaves room.
 */
public final class AddressMap {
  // Guest physical addresses below 1 MiB, used by the boot loader. RAM.

  /** Boot parameters ("zero page") of the Linux boot protocol, 4 KiB. */
  public static final long BOOT_PARAMS_GPA = 0x7000;

  /** Initial page tables and descriptor tables of the 64-bit boot protocol. */
  public static final long BOOT_TABLES_GPA = 0x9000;

  /** Further data for the kernel (setup_data of the boot protocol), 4 KiB. */
  public static final long SETUP_DATA_GPA = 0x1F000;

  /** Kernel command line, up to 2 KiB. */
  public static final long COMMAND_LINE_GPA = 0x20000;

  /** Extended BIOS data area: where e820 ends low RAM. */
  public static final long EBDA_GPA = 0x9FC00;

  /**
   * ACPI tables: the RSDP stands at the start, as a search of the BIOS area finds it. 64 KiB,
   * reserved in e820.
   */
  public static final long ACPI_TABLES_GPA = 0xF0000;

  /** Where a kernel is loaded unless it says otherwise. */
  public static final long KERNEL_GPA = 0x100000;

  // The hole between low and high RAM.

  /** First gpa of the hole; 32-bit PCI memory windows start here. */
  public static final long HOLE_GPA = GuestMemory.HOLE_START_GPA;

  /** PCI Express configuration space (ECAM), 256 MiB. */
  public static final long ECAM_GPA = 0xE000_0000L;

  /** First gpa after the ECAM window. */
  public static final long ECAM_END_GPA = 0xF000_0000L;

  /** End of the window for 32-bit PCI memory BARs, which starts at {@link #HOLE_GPA}. */
  public static final long PCI_WINDOW_END_GPA = ECAM_GPA;

  /** IOAPIC registers, 4 KiB. */
  public static final long IOAPIC_GPA = 0xFEC0_0000L;

  /** HPET registers, 1 KiB. */
  public static final long HPET_GPA = 0xFED0_0000L;

  /** Local APIC registers at reset, 4 KiB; each vCPU may move its own. */
  public static final long LOCAL_APIC_GPA = 0xFEE0_0000L;

  // I/O ports.

  public static final int PIC_MASTER_PORT = 0x20;
  public static final int PIC_SLAVE_PORT = 0xA0;

  /** Edge/level control registers of the PICs, two ports. */
  public static final int PIC_ELCR_PORT = 0x4D0;

  public static final int PIT_PORT = 0x40;

  /** Keyboard controller data; bit 0 of port 0x64 its status. */
  public static final int KEYBOARD_PORT = 0x60;

  /** System control port B: PIT channel 2 gate and output, speaker. */
  public static final int NMI_STATUS_PORT = 0x61;

  /** CMOS index; data is the next port. */
  public static final int RTC_PORT = 0x70;

  /** Prints what is written to it; only in machines that ask for it. */
  public static final int DEBUG_CONSOLE_PORT = 0xE9;

  /** Ends the machine; four ports, only in machines that ask for it. */
  public static final int DEBUG_EXIT_PORT = 0xF4;

  public static final int COM1_PORT = 0x3F8;
  public static final int COM2_PORT = 0x2F8;

  /** ACPI PM1a event block: status, then enable, 4 bytes. */
  public static final int PM1A_EVENT_PORT = 0x400;

  /** ACPI PM1a control block, 2 bytes. */
  public static final int PM1A_CONTROL_PORT = 0x404;

  /** ACPI power management timer, 4 bytes. */
  public static final int PM_TIMER_PORT = 0x408;

  /**
   * SLP_TYP that the DSDT gives for S5: written to PM1a control together with SLP_EN, it powers
   * off. bhyve's value.
   */
  public static final int SLEEP_TYPE_SOFT_OFF = 5;

  /** ACPI SMI command: takes the two values that follow. */
  public static final int SMI_COMMAND_PORT = 0xB2;

  /** Sets SCI_EN in PM1a control: ACPI mode. bhyve's value. */
  public static final int ACPI_ENABLE_COMMAND = 0xA0;

  /** Clears SCI_EN: legacy mode. bhyve's value. */
  public static final int ACPI_DISABLE_COMMAND = 0xA1;

  /** PCI configuration address; data at 0xCFC. The reset control register is the byte at 0xCF9. */
  public static final int PCI_CONFIG_ADDRESS_PORT = 0xCF8;

  public static final int PCI_CONFIG_DATA_PORT = 0xCFC;
  public static final int RESET_CONTROL_PORT = 0xCF9;

  /** I/O window for PCI BARs: first port and first port after it. */
  public static final int PCI_IO_WINDOW_PORT = 0x2000;

  public static final int PCI_IO_WINDOW_END_PORT = 0x10000;

  // Global system interrupts.

  public static final int PIT_GSI = 2;
  public static final int PIT_PIC_IRQ = 0;
  public static final int KEYBOARD_GSI = 1;
  public static final int COM2_GSI = 3;
  public static final int COM1_GSI = 4;
  public static final int RTC_GSI = 8;
  public static final int SCI_GSI = 9;
  public static final int MOUSE_GSI = 12;

  /** First of the eight GSIs that PCI INTx pins are routed to: 16–23. */
  public static final int PCI_INTX_GSI = 16;

  /**
   * Returns where a PCI function's interrupt pin goes: neighbours use different wires.
   *
   * @param slot device number, 0–31
   * @param pin 0 for INTA to 3 for INTD
   */
  public static int pciIntxGsi(int slot, int pin) {
    return PCI_INTX_GSI + (slot + pin) % 8;
  }

  private AddressMap() {}
}
