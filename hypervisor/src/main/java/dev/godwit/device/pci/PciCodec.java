package dev.godwit.device.pci;

import com.google.protobuf.ByteString;
import dev.godwit.device.StateCheck;
import dev.godwit.proto.v1.MsixEntryState;
import dev.godwit.proto.v1.MsixState;
import dev.godwit.proto.v1.PciConfigState;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Translates what PCI functions have in common from and to the messages that every function's
 * section contains.
 */
final class PciCodec {
  private PciCodec() {}

  static PciConfigState config(PciFunction function) {
    return PciConfigState.newBuilder()
        .setRegisters(ByteString.copyFrom(function.configRegisters()))
        .build();
  }

  /** Returns the registers for {@link PciFunction#restoreConfig}, checked to be this function's. */
  static byte[] config(StateCheck check, PciFunction function, PciConfigState state) {
    byte[] registers = state.getRegisters().toByteArray();
    check.range("config's length", registers.length, ConfigSpace.BYTES, ConfigSpace.BYTES);
    int foreign = function.config().firstForeign(registers);
    check.that(
        foreign < 0,
        "its configuration space differs from this device's at 0x%x".formatted(foreign));
    return registers;
  }

  static MsixState msix(MsixCapability msix) {
    MsixTable table = msix.table();
    MsixState.Builder state = MsixState.newBuilder();
    for (MsixTable.Entry entry : table.entries()) {
      state.addEntries(
          MsixEntryState.newBuilder()
              .setAddress(entry.address())
              .setData(entry.data())
              .setMasked(entry.masked()));
    }
    return state.setPending(ByteString.copyFrom(table.pending().toByteArray())).build();
  }

  /** Returns the table for {@link MsixCapability#setTable}, checked. */
  static MsixTable msix(StateCheck check, MsixCapability msix, MsixState state) {
    check.range(
        "the MSI-X table's length", state.getEntriesCount(), msix.vectors(), msix.vectors());
    List<MsixTable.Entry> entries = new ArrayList<>();
    for (MsixEntryState entry : state.getEntriesList()) {
      check.that((entry.getAddress() & 3) == 0, "an MSI-X address is not a multiple of 4");
      entries.add(new MsixTable.Entry(entry.getAddress(), entry.getData(), entry.getMasked()));
    }
    byte[] bits = state.getPending().toByteArray();
    BitSet pending = BitSet.valueOf(bits);
    check.that(
        pending.length() <= msix.vectors() && pending.toByteArray().length == bits.length,
        "MSI-X vectors are pending that do not exist");
    return new MsixTable(entries, pending);
  }
}
