package dev.godwit.boot;

import static dev.godwit.boot.Aml.array;
import static dev.godwit.boot.Aml.busWindow;
import static dev.godwit.boot.Aml.device;
import static dev.godwit.boot.Aml.eisaId;
import static dev.godwit.boot.Aml.integer;
import static dev.godwit.boot.Aml.interrupt;
import static dev.godwit.boot.Aml.join;
import static dev.godwit.boot.Aml.memory;
import static dev.godwit.boot.Aml.memoryWindow;
import static dev.godwit.boot.Aml.name;
import static dev.godwit.boot.Aml.portWindow;
import static dev.godwit.boot.Aml.ports;
import static dev.godwit.boot.Aml.resources;
import static dev.godwit.boot.Aml.scope;

import dev.godwit.bus.AddressMap;
import java.util.ArrayList;
import java.util.List;

/**
 * The AML of the DSDT: the devices of the board that a system cannot find by itself, and how it is
 * switched off.
 */
final class Dsdt {
  private static final int PCI_SLOTS = 32;
  private static final int PCI_PINS = 4;

  /** The ISA bridge's slot in {@code _ADR}'s form. */
  private static final long ISA_BRIDGE_ADDRESS = 0x1F_0000;

  private Dsdt() {}

  /** Returns the AML. {@code comPorts}: how many of COM1 and COM2 there are. */
  static byte[] aml(int comPorts) {
    return join(
        // S5 is the one sleep state: both sleep types, two reserved (ACPI 6.5 §7.4.2.6).
        name(
            "\\_S5_",
            array(
                integer(AddressMap.SLEEP_TYPE_SOFT_OFF),
                integer(AddressMap.SLEEP_TYPE_SOFT_OFF),
                integer(0),
                integer(0))),
        scope("\\_SB_", hostBridge(comPorts), hpet(), board()));
  }

  private static byte[] hostBridge(int comPorts) {
    return device(
        "PCI0",
        name("_HID", eisaId("PNP0A03")),
        name("_BBN", integer(0)),
        name("_UID", integer(0)),
        name(
            "_CRS",
            resources(
                busWindow(0, 0xFF),
                ports(AddressMap.PCI_CONFIG_ADDRESS_PORT, 8),
                portWindow(0, AddressMap.PCI_CONFIG_ADDRESS_PORT - 1),
                portWindow(AddressMap.PCI_IO_WINDOW_PORT, AddressMap.PCI_IO_WINDOW_END_PORT - 1),
                memoryWindow(AddressMap.HOLE_GPA, AddressMap.PCI_WINDOW_END_GPA - 1))),
        name("_PRT", routing()),
        isaBridge(comPorts));
  }

  /**
   * Returns where each slot's pins go. An entry is: slot and "any function", pin (0 is INTA),
   * source 0 for "a GSI", the GSI (ACPI 6.5 §6.2.13). {@link AddressMap#pciIntxGsi} says which.
   */
  private static byte[] routing() {
    List<byte[]> entries = new ArrayList<>();
    for (int slot = 0; slot < PCI_SLOTS; slot++) {
      for (int pin = 0; pin < PCI_PINS; pin++) {
        entries.add(
            array(
                integer((long) slot << 16 | 0xFFFF),
                integer(pin),
                integer(0),
                integer(AddressMap.pciIntxGsi(slot, pin))));
      }
    }
    return array(entries.toArray(byte[][]::new));
  }

  private static byte[] isaBridge(int comPorts) {
    List<byte[]> devices = new ArrayList<>();
    devices.add(name("_ADR", integer(ISA_BRIDGE_ADDRESS)));
    devices.add(
        isaDevice(
            "PIC_",
            "PNP0000",
            ports(AddressMap.PIC_MASTER_PORT, 2),
            ports(AddressMap.PIC_SLAVE_PORT, 2),
            ports(AddressMap.PIC_ELCR_PORT, 2),
            interrupt(2)));
    devices.add(
        isaDevice(
            "TIMR", "PNP0100", ports(AddressMap.PIT_PORT, 4), interrupt(AddressMap.PIT_PIC_IRQ)));
    devices.add(
        isaDevice("RTC_", "PNP0B00", ports(AddressMap.RTC_PORT, 2), interrupt(AddressMap.RTC_GSI)));
    if (comPorts >= 1) {
      devices.add(comPort("COM1", 1, AddressMap.COM1_PORT, AddressMap.COM1_GSI));
    }
    if (comPorts >= 2) {
      devices.add(comPort("COM2", 2, AddressMap.COM2_PORT, AddressMap.COM2_GSI));
    }
    return device("ISA_", devices.toArray(byte[][]::new));
  }

  private static byte[] comPort(String name, int uid, int port, int irq) {
    return device(
        name,
        name("_HID", eisaId("PNP0501")),
        name("_UID", integer(uid)),
        name("_CRS", resources(ports(port, 8), interrupt(irq))));
  }

  private static byte[] isaDevice(String name, String id, byte[]... descriptors) {
    return device(name, name("_HID", eisaId(id)), name("_CRS", resources(descriptors)));
  }

  private static byte[] hpet() {
    return device(
        "HPET",
        name("_HID", eisaId("PNP0103")),
        name("_UID", integer(0)),
        name("_CRS", resources(memory(AddressMap.HPET_GPA, 0x400))));
  }

  /** What the board keeps to itself: nothing else may be placed there. */
  private static byte[] board() {
    return device(
        "MBRD",
        name("_HID", eisaId("PNP0C02")),
        name("_UID", integer(0)),
        name(
            "_CRS",
            resources(
                memory(AddressMap.ECAM_GPA, AddressMap.ECAM_END_GPA - AddressMap.ECAM_GPA),
                ports(AddressMap.NMI_STATUS_PORT, 1),
                ports(AddressMap.SMI_COMMAND_PORT, 2),
                ports(AddressMap.PM1A_EVENT_PORT, 12))));
  }
}
