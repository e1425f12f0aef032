package dev.godwit.device.pci;

import com.google.protobuf.ByteString;
import com.google.protobuf.BytesValue;
import com.google.protobuf.Message;
import dev.godwit.device.StateCheck;
import dev.godwit.proto.v1.MsixState;
import dev.godwit.proto.v1.PciConfigState;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;
import dev.godwit.snapshot.StatePart;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/**
 * A PCI function with a BAR of each kind, a pin, MSI and MSI-X. Its registers are 64 bytes of
 * storage, seen through every BAR; the first says whether it wants attention, and a write to the
 * second sends that vector.
 */
final class SampleFunction extends PciFunction implements BarHandler {
  static final int REGISTERS = 64;
  static final int VECTORS = 5;
  static final int IO_BAR = 0;
  static final int BAR_32 = 1;
  static final int BAR_64 = 2;
  static final int MSIX_BAR = 4;

  final MsiCapability msi;
  final MsixCapability msix;
  private final byte[] registers = new byte[REGISTERS];
  private final List<StatePart> parts =
      List.of(
          new Part<>(
              this,
              "sample-config",
              PciConfigState.getDefaultInstance(),
              () -> PciCodec.config(this),
              (check, state) -> {
                byte[] saved = PciCodec.config(check, this, state);
                return () -> restoreConfig(saved);
              }),
          new Part<>(
              this,
              "sample-msix",
              MsixState.getDefaultInstance(),
              () -> PciCodec.msix(msix()),
              (check, state) -> {
                MsixTable saved = PciCodec.msix(check, msix(), state);
                return () -> msix().setTable(saved);
              }),
          new Part<>(
              this,
              "sample-registers",
              BytesValue.getDefaultInstance(),
              () -> BytesValue.of(ByteString.copyFrom(registers)),
              (check, state) -> {
                check.range("length", state.getValue().size(), REGISTERS, REGISTERS);
                return () -> state.getValue().copyTo(registers, 0);
              }));

  SampleFunction(PciBus pci, PciAddress address) {
    super(pci, address, new PciIdentity(0x1234, 0x5678, 0xFF_0000, 1, 0x1234, 0x0001));
    interruptPin(0);
    ioBar(IO_BAR, 64, this);
    memoryBar32(BAR_32, 4096, this);
    memoryBar64(BAR_64, 1 << 20, this);
    msi = msi(4);
    msix = msix(MSIX_BAR, VECTORS);
  }

  private MsixCapability msix() {
    return msix;
  }

  @Override
  public String kind() {
    return "sample";
  }

  @Override
  public List<StatePart> stateParts() {
    return parts;
  }

  @Override
  protected void resetDevice() {
    Arrays.fill(registers, (byte) 0);
  }

  @Override
  public void quiesce() {}

  @Override
  public void resume() {}

  @Override
  public long readBar(long offset, int sizeBytes) {
    synchronized (this) {
      long value = 0;
      for (int i = 0; i < sizeBytes; i++) {
        value |= (registers[(int) (offset + i) % REGISTERS] & 0xFFL) << (8 * i);
      }
      return value;
    }
  }

  @Override
  public void writeBar(long offset, int sizeBytes, long value) {
    synchronized (this) {
      for (int i = 0; i < sizeBytes; i++) {
        registers[(int) (offset + i) % REGISTERS] = (byte) (value >>> (8 * i));
      }
      setInterrupt((registers[0] & 1) != 0);
      if (offset == 1) {
        msix.send((registers[1] & 0xFF) % VECTORS);
        msi.send((registers[1] & 0xFF) % VECTORS);
      }
    }
  }

  /** Checks a state and returns what puts it in place. */
  private interface Restorer<M> {
    Runnable check(StateCheck check, M state);
  }

  private record Part<M extends Message>(
      SampleFunction function, String name, M prototype, Supplier<M> saver, Restorer<M> restorer)
      implements SavedPart<M> {
    @Override
    public SectionKind<M> kind() {
      return SectionKind.first(name, SectionGroup.DEVICES, prototype);
    }

    @Override
    public String instance() {
      return function.instance();
    }

    @Override
    public M save() {
      return saver.get();
    }

    @Override
    public void restore(M state) {
      restorer.check(new StateCheck(this), state).run();
    }
  }
}
