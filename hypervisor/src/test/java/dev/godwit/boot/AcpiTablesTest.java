package dev.godwit.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.bus.AddressMap;
import dev.godwit.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AcpiTablesTest {
  private final GuestMemory memory = GuestMemory.allocate(4 << 20);

  @AfterEach
  void closeMemory() {
    memory.close();
  }

  private String ascii(long gpa, int length) {
    byte[] text = new byte[length];
    memory.copyOut(gpa, MemorySegment.ofArray(text));
    return new String(text, US_ASCII);
  }

  private int sum(long gpa, long bytes) {
    int sum = 0;
    for (long i = 0; i < bytes; i++) {
      sum += memory.read8(gpa + i);
    }
    return sum & 0xFF;
  }

  /** Follows the pointers as a system does and returns each table's gpa by signature. */
  private Map<String, Long> find(int vcpus) {
    long rsdp = AcpiTables.write(memory, new Board(vcpus, 2));
    assertEquals("RSD PTR ", ascii(rsdp, 8));
    assertEquals(0, rsdp % 16, "a search steps by 16");
    assertEquals(0, sum(rsdp, 20));
    assertEquals(0, sum(rsdp, 36));
    Map<String, Long> tables = new LinkedHashMap<>();
    long xsdt = memory.read64(rsdp + 24);
    tables.put(ascii(xsdt, 4), xsdt);
    for (long at = xsdt + 36; at < xsdt + memory.read32(xsdt + 4); at += 8) {
      tables.put(ascii(memory.read64(at), 4), memory.read64(at));
    }
    long fadt = tables.getOrDefault("FACP", 0L);
    assertEquals(memory.read64(fadt + 140), memory.read32(fadt + 40));
    tables.put("DSDT", memory.read64(fadt + 140));
    return tables;
  }

  @Test
  void everyTableCanBeFoundAndSumsToZero() {
    Map<String, Long> tables = find(4);
    assertEquals(
        List.of("XSDT", "FACP", "APIC", "HPET", "MCFG", "DSDT"), List.copyOf(tables.keySet()));
    tables.forEach(
        (signature, gpa) -> {
          assertEquals(signature, ascii(gpa, 4));
          assertEquals(0, sum(gpa, memory.read32(gpa + 4)), signature);
          assertTrue(gpa + memory.read32(gpa + 4) <= AddressMap.KERNEL_GPA, signature);
        });
  }

  @Test
  void tablesOfTheLargestMachineFitTheirArea() {
    long madt = find(AcpiTables.MAX_VCPUS).getOrDefault("APIC", 0L);
    assertEquals(0, sum(madt, memory.read32(madt + 4)));
  }

  @Test
  void madtListsEveryProcessorTheIoApicAndTheOverrides() {
    long madt = find(3).getOrDefault("APIC", 0L);
    List<String> entries = new ArrayList<>();
    long end = madt + memory.read32(madt + 4);
    for (long at = madt + 44; at < end; at += memory.read8(at + 1)) {
      entries.add(
          switch (memory.read8(at)) {
            case 0 -> "cpu " + memory.read8(at + 3) + (memory.read32(at + 4) == 1 ? " on" : " off");
            case 1 -> "ioapic %x".formatted(memory.read32(at + 4));
            case 2 ->
                "irq %d gsi %d flags %x"
                    .formatted(memory.read8(at + 3), memory.read32(at + 4), memory.read16(at + 8));
            case 4 -> "nmi " + memory.read8(at + 2) + " lint" + memory.read8(at + 5);
            default -> "unknown";
          });
    }
    assertEquals(
        List.of(
            "cpu 0 on",
            "cpu 1 on",
            "cpu 2 on",
            "ioapic fec00000",
            "irq 0 gsi 2 flags 0",
            "irq 9 gsi 9 flags d",
            "nmi 255 lint1"),
        entries);
  }

  @Test
  void fadtTellsOfFixedHardwareAndOfNoKeyboardController() {
    long fadt = find(1).getOrDefault("FACP", 0L);
    assertEquals(9, memory.read16(fadt + 46));
    assertEquals(0x400, memory.read32(fadt + 56));
    assertEquals(0x408, memory.read32(fadt + 76));
    int bootArchitecture = memory.read16(fadt + 109);
    assertEquals(0, bootArchitecture & 2, "no 8042");
    int flags = memory.read32(fadt + 112);
    assertEquals(0, flags & 1 << 20, "not hardware-reduced");
    assertTrue((flags & 1 << 10) != 0 && memory.read64(fadt + 120) == 0xCF9, "reset register");
    long facs = memory.read32(fadt + 36);
    assertEquals("FACS", ascii(facs, 4));
    assertEquals(0, facs % 64);
  }

  /**
   * Walks the DSDT's AML by its package lengths: every object must end exactly where its parent
   * says, and the devices must be there.
   */
  @Test
  void dsdtNestsCorrectly() {
    long dsdt = find(1).getOrDefault("DSDT", 0L);
    List<String> names = new ArrayList<>();
    walk(dsdt + 36, dsdt + memory.read32(dsdt + 4), "", names);
    assertTrue(
        names.containsAll(
            List.of(
                "/\\_S5_",
                "/\\_SB_/PCI0/_HID",
                "/\\_SB_/PCI0/_CRS",
                "/\\_SB_/PCI0/_PRT",
                "/\\_SB_/PCI0/ISA_/COM1/_CRS",
                "/\\_SB_/PCI0/ISA_/COM2/_CRS",
                "/\\_SB_/PCI0/ISA_/RTC_/_HID",
                "/\\_SB_/HPET/_CRS",
                "/\\_SB_/MBRD/_CRS")),
        names::toString);
  }

  /** Reads a list of terms: Name, Scope and Device are all that occur. */
  private void walk(long from, long end, String path, List<String> names) {
    long at = from;
    while (at < end) {
      int op = memory.read8(at);
      if (op == 0x08) {
        long object = afterName(at + 1);
        names.add(path + "/" + nameAt(at + 1));
        at = afterObject(object);
      } else {
        at += op == 0x5B ? 2 : 1;
        assertTrue(op == 0x10 || op == 0x5B && memory.read8(at - 1) == 0x82, "op " + op);
        long inner = at + memory.read8(at) / 64 + 1;
        long innerEnd = at + packageLength(at);
        assertTrue(innerEnd <= end, path);
        walk(afterName(inner), innerEnd, path + "/" + nameAt(inner), names);
        at = innerEnd;
      }
    }
    assertEquals(end, at, path);
  }

  private String nameAt(long at) {
    return ascii(at, (int) (afterName(at) - at));
  }

  private long afterName(long at) {
    return at + (memory.read8(at) == '\\' ? 5 : 4);
  }

  private long packageLength(long at) {
    int lead = memory.read8(at);
    return switch (lead >> 6) {
      case 0 -> lead;
      case 1 -> lead & 0xF | memory.read8(at + 1) << 4;
      default -> lead & 0xF | memory.read16(at + 1) << 4;
    };
  }

  private long afterObject(long at) {
    int op = memory.read8(at);
    return switch (op) {
      case 0x00, 0x01 -> at + 1;
      case 0x0A -> at + 2;
      case 0x0B -> at + 3;
      case 0x0C -> at + 5;
      case 0x11 -> {
        long end = at + 1 + packageLength(at + 1);
        assertEquals(0x79, memory.read8(end - 2), "resources end with an end tag");
        yield end;
      }
      case 0x12 -> {
        long inner = at + 1 + memory.read8(at + 1) / 64 + 1;
        long end = at + 1 + packageLength(at + 1);
        int count = memory.read8(inner);
        long element = inner + 1;
        for (int i = 0; i < count; i++) {
          element = afterObject(element);
        }
        assertEquals(end, element, "a package has as many elements as it says");
        yield end;
      }
      default -> throw new AssertionError("object " + op);
    };
  }
}
