package dev.godwit.device.uart;

import com.google.protobuf.ByteString;
import dev.godwit.device.StateCheck;
import dev.godwit.proto.v1.UartSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** A UART's saved state: the codec between {@link UartState} and its section. */
final class UartPart implements SavedPart<UartSection> {
  static final SectionKind<UartSection> KIND =
      SectionKind.first(Uart.KIND, SectionGroup.DEVICES, UartSection.getDefaultInstance());

  private final Uart uart;

  UartPart(Uart uart) {
    this.uart = uart;
  }

  @Override
  public SectionKind<UartSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return uart.instance();
  }

  @Override
  public UartSection save() {
    UartState state = uart.state();
    return UartSection.newBuilder()
        .setInterruptEnable(state.interruptEnable())
        .setFifoControl(state.fifoControl())
        .setLineControl(state.lineControl())
        .setModemControl(state.modemControl())
        .setLineErrors(state.lineErrors())
        .setModemChanges(state.modemChanges())
        .setScratch(state.scratch())
        .setDivisor(state.divisor())
        .setReceived(ByteString.copyFrom(state.received()))
        .setTransmitterEmptyPending(state.transmitterEmptyPending())
        .setTimeoutPending(state.timeoutPending())
        .setTimeoutAtNanos(state.timeoutAtNanos())
        .build();
  }

  @Override
  public void restore(UartSection section) {
    StateCheck check = new StateCheck(this);
    int fifoControl =
        check.bits("fifo_control", section.getFifoControl(), UartRegisters.FCR_KEPT_BITS);
    boolean fifoOn = (fifoControl & UartRegisters.FCR_ENABLE) != 0;
    check.that(fifoOn || fifoControl == 0, "fifo_control has settings though the FIFO is off");
    int received = section.getReceived().size();
    check.range("received's length", received, 0, fifoOn ? UartRegisters.FIFO_BYTES : 1);
    boolean timeout = section.getTimeoutPending() || section.getTimeoutAtNanos() != 0;
    check.that(!timeout || fifoOn && received > 0, "a receive timeout without received bytes");
    check.that(
        !section.getTimeoutPending() || section.getTimeoutAtNanos() == 0,
        "a receive timeout that is both pending and still to come");
    check.range("timeout_at_nanos", section.getTimeoutAtNanos(), 0, Long.MAX_VALUE);
    uart.setState(
        new UartState(
            check.bits("interrupt_enable", section.getInterruptEnable(), UartRegisters.IER_BITS),
            fifoControl,
            check.bits("line_control", section.getLineControl(), 0xFF),
            check.bits("modem_control", section.getModemControl(), UartRegisters.MCR_BITS),
            check.bits("line_errors", section.getLineErrors(), UartRegisters.LSR_ERRORS),
            check.bits("modem_changes", section.getModemChanges(), UartRegisters.MSR_CHANGES),
            check.bits("scratch", section.getScratch(), 0xFF),
            check.bits("divisor", section.getDivisor(), 0xFFFF),
            section.getReceived().toByteArray(),
            section.getTransmitterEmptyPending(),
            section.getTimeoutPending(),
            section.getTimeoutAtNanos()));
  }
}
