package dev.godwit.device.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.MmioHandler;
import dev.godwit.device.Device;
import dev.godwit.device.RecordedLines.Msi;
import dev.godwit.snapshot.Sections;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PciFunctionTest extends PciContract {
  private static final long BAR_32_GPA = 0xC010_0000L;
  private static final long BAR_64_GPA = 0x8_0000_0000L;
  private static final long MSIX_GPA = 0xC020_0000L;
  private static final int IO_PORT = 0x3000;
  private static final int GSI = AddressMap.pciIntxGsi(3, 0);
  private static final int MSI = 0x40;
  private static final int MSIX = 0x50;

  @Override
  protected PciFunction create(PciBus pci, Board on) {
    return new SampleFunction(pci, address());
  }

  @Override
  protected PciAddress address() {
    return new PciAddress(3, 0);
  }

  private SampleFunction sample() {
    return (SampleFunction) device();
  }

  @Override
  protected List<Range> ranges() {
    List<Range> ranges = new ArrayList<>(super.ranges());
    ranges.add(new Range(true, BAR_32_GPA, 4096));
    ranges.add(new Range(true, BAR_64_GPA, 100));
    ranges.add(new Range(true, MSIX_GPA, 16 * SampleFunction.VECTORS));
    ranges.add(new Range(true, MSIX_GPA + 2040, 24));
    ranges.add(new Range(false, IO_PORT, 64));
    return ranges;
  }

  @Override
  protected void exercise(Device device, Board on) {
    place(on);
    on.bus.mmio().write(BAR_32_GPA, 8, 0x1122_3344_5566_7701L);
    on.bus.mmio().write(MSIX_GPA + 16, 8, 0xFEE0_1000L);
    on.bus.mmio().write(MSIX_GPA + 24, 4, 0x4041);
    on.bus.mmio().write(ecam() + MSIX + 2, 2, 0x8000);
    on.bus.mmio().write(BAR_32_GPA + 1, 1, 1);
  }

  private void place(Board on) {
    on.bus.mmio().write(ecam() + 0x10, 4, IO_PORT);
    on.bus.mmio().write(ecam() + 0x14, 4, BAR_32_GPA);
    on.bus.mmio().write(ecam() + 0x18, 4, BAR_64_GPA);
    on.bus.mmio().write(ecam() + 0x1C, 4, BAR_64_GPA >> 32);
    on.bus.mmio().write(ecam() + 0x20, 4, MSIX_GPA);
    on.bus.mmio().write(ecam() + ConfigSpace.COMMAND, 2, 7);
  }

  private static final long UNMAPPED = 0xFFFF_FFFFL;

  private long read(long gpa) {
    return board.bus.mmio().read(gpa, 4);
  }

  @Test
  void barsTellTheirSizeWhenAllOnesAreWritten() {
    for (int i = 0; i < 6; i++) {
      setConfig(0x10 + 4 * i, 4, -1);
    }
    assertEquals(0xFFFF_FFC1L, config(0x10, 4));
    assertEquals(0xFFFF_F000L, config(0x14, 4));
    assertEquals(0xFFF0_0004L, config(0x18, 4));
    assertEquals(0xFFFF_FFFFL, config(0x1C, 4));
    assertEquals(0xFFFF_F000L, config(0x20, 4));
    assertEquals(0, config(0x24, 4));
    assertEquals(0, config(0x30, 4), "no expansion ROM");
  }

  @Test
  void barsAnswerWhereTheyArePlacedAndOnlyWhileEnabled() {
    place(board);
    board.bus.mmio().write(BAR_32_GPA + 8, 4, 0x1234_5678);
    assertEquals(0x1234_5678, read(BAR_64_GPA + 8));
    assertEquals(0x1234_5678, board.bus.io().read(IO_PORT + 8, 4));
    setConfig(ConfigSpace.COMMAND, 2, ConfigSpace.COMMAND_IO);
    assertEquals(UNMAPPED, read(BAR_32_GPA + 8));
    assertEquals(UNMAPPED, read(BAR_64_GPA + 8));
    assertEquals(0x1234_5678, board.bus.io().read(IO_PORT + 8, 4));
    setConfig(ConfigSpace.COMMAND, 2, ConfigSpace.COMMAND_MEMORY);
    assertEquals(0x1234_5678, read(BAR_32_GPA + 8));
    assertEquals(-1, board.bus.io().read(IO_PORT + 8, 4));
  }

  @Test
  void movedBarAnswersAtItsNewPlaceAlone() {
    place(board);
    board.bus.mmio().write(BAR_32_GPA + 8, 4, 77);
    setConfig(0x14, 4, 0xD000_0000L);
    assertEquals(77, read(0xD000_0008L));
    assertEquals(UNMAPPED, read(BAR_32_GPA + 8));
  }

  @Test
  void barsPlacedOutsideTheWindowsDoNotAnswer() {
    place(board);
    for (long gpa : new long[] {0, 0x10_0000, AddressMap.IOAPIC_GPA, AddressMap.ECAM_GPA}) {
      setConfig(0x14, 4, gpa);
      assertEquals(0x1275_1275, board.bus.mmio().read(AddressMap.ECAM_GPA, 4));
    }
    setConfig(0x10, 4, 0xCF8);
    assertEquals(UNMAPPED, read(BAR_32_GPA));
  }

  @Test
  void barPlacedOnAnotherDeviceLeavesThatOneAlone() {
    board.bus.mmio().map(0xC100_0000L, 4096, "other", new Constant());
    place(board);
    setConfig(0x14, 4, 0xC100_0000L);
    assertEquals(42, read(0xC100_0000L));
    setConfig(0x14, 4, BAR_32_GPA);
    assertEquals(0, read(BAR_32_GPA + 8));
    assertEquals(42, read(0xC100_0000L));
  }

  private static final class Constant implements MmioHandler {
    @Override
    public long readMmio(long offset, int sizeBytes) {
      return 42;
    }

    @Override
    public void writeMmio(long offset, int sizeBytes, long value) {}
  }

  @Test
  void overlappingBarsAnswerInAnOrderThatDoesNotDependOnHistory() {
    place(board);
    board.bus.mmio().write(BAR_32_GPA + 8, 4, 77);
    setConfig(0x20, 4, BAR_32_GPA); // The MSI-X table, on top of the registers.
    assertEquals(77, read(BAR_32_GPA + 8));
    setConfig(0x14, 4, 0xD000_0000L);
    assertEquals(0, read(BAR_32_GPA + 8), "now the table is seen");
    setConfig(0x14, 4, BAR_32_GPA);
    assertEquals(77, read(BAR_32_GPA + 8), "the first BAR wins again");
    assertEquals(UNMAPPED, read(0xD000_0000L));
  }

  @Test
  void pinIsLevelAndCanBeDisabled() {
    place(board);
    board.bus.mmio().write(BAR_32_GPA, 1, 1);
    assertTrue(board.lines.isHigh(GSI));
    assertEquals(ConfigSpace.STATUS_INTX, config(ConfigSpace.STATUS, 2) & ConfigSpace.STATUS_INTX);
    setConfig(ConfigSpace.COMMAND, 2, 7 | ConfigSpace.COMMAND_NO_INTX);
    assertFalse(board.lines.isHigh(GSI));
    setConfig(ConfigSpace.COMMAND, 2, 7);
    assertTrue(board.lines.isHigh(GSI));
    board.bus.mmio().write(BAR_32_GPA, 1, 0);
    assertFalse(board.lines.isHigh(GSI));
  }

  @Test
  void sharedPinIsHighWhileAnyFunctionAssertsIt() {
    PciBus pci = new PciBus(otherBoard.lines);
    SampleFunction one = new SampleFunction(pci, new PciAddress(3, 0));
    SampleFunction two = new SampleFunction(pci, new PciAddress(11, 0));
    one.writeBar(0, 1, 1);
    two.writeBar(0, 1, 1);
    one.writeBar(0, 1, 0);
    assertTrue(otherBoard.lines.isHigh(GSI));
    two.writeBar(0, 1, 0);
    assertFalse(otherBoard.lines.isHigh(GSI));
  }

  @Test
  void msiSendsItsMessageInPlaceOfThePin() {
    place(board);
    setConfig(MSI + 4, 4, 0xFEE0_2000L);
    setConfig(MSI + 12, 2, 0x4042);
    setConfig(MSI + 2, 2, 1);
    sample().msi.send(0);
    sample().msi.send(3);
    board.bus.mmio().write(BAR_32_GPA, 1, 1);
    Msi expected = new Msi(0xFEE0_2000L, 0x4042);
    assertEquals(List.of(expected, expected), board.lines.messages(), "one vector was given");
    assertFalse(board.lines.isHigh(GSI));
    setConfig(MSI + 2, 2, 0x21);
    sample().msi.send(3);
    assertEquals(new Msi(0xFEE0_2000L, 0x4043), board.lines.messages().getLast());
  }

  private void aimVector(int vector, boolean masked) {
    board.bus.mmio().write(MSIX_GPA + 16L * vector, 8, 0xFEE0_0000L + 0x1000 * vector);
    board.bus.mmio().write(MSIX_GPA + 16L * vector + 8, 4, 0x50 + vector);
    board.bus.mmio().write(MSIX_GPA + 16L * vector + 12, 4, masked ? 1 : 0);
  }

  @Test
  void msixVectorWaitsWhileMaskedAndIsSentOnceUnmasked() {
    place(board);
    setConfig(MSIX + 2, 2, 0x8000);
    aimVector(2, true);
    sample().msix.send(2);
    sample().msix.send(2);
    assertEquals(List.of(), board.lines.messages());
    assertEquals(4, read(MSIX_GPA + 2048), "pending bit");
    aimVector(2, false);
    assertEquals(List.of(new Msi(0xFEE0_2000L, 0x52)), board.lines.messages());
    assertEquals(0, read(MSIX_GPA + 2048));
  }

  @Test
  void msixFunctionMaskHoldsEverythingBack() {
    place(board);
    setConfig(MSIX + 2, 2, 0xC000);
    aimVector(0, false);
    aimVector(1, false);
    sample().msix.send(0);
    sample().msix.send(1);
    assertEquals(List.of(), board.lines.messages());
    setConfig(MSIX + 2, 2, 0x8000);
    assertEquals(2, board.lines.messages().size());
  }

  @Test
  void nothingIsSentByAFunctionThatIsNotBusMaster() {
    place(board);
    setConfig(MSIX + 2, 2, 0x8000);
    aimVector(0, false);
    setConfig(ConfigSpace.COMMAND, 2, ConfigSpace.COMMAND_MEMORY);
    sample().msix.send(0);
    assertEquals(List.of(), board.lines.messages());
  }

  @Test
  void restoredFunctionAnswersAtItsBarsAndSendsWhatWasPending() {
    exercise(device(), board);
    SampleFunction moved = (SampleFunction) create(fresh);
    Sections.restore(moved.stateParts(), Sections.save(device().stateParts()));
    assertEquals(board.bus.mmio().read(BAR_64_GPA, 8), fresh.bus.mmio().read(BAR_64_GPA, 8));
    assertEquals(List.of(), fresh.lines.messages(), "nothing is sent by the restore itself");
    fresh.bus.mmio().write(MSIX_GPA + 28, 4, 0);
    assertEquals(List.of(new Msi(0xFEE0_1000L, 0x4041)), fresh.lines.messages());
    fresh.close();
  }

  private final Board fresh = new Board();
}
