package dev.godwit.device.debug;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.backend.SerialLine;
import dev.godwit.bus.AddressMap;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceContract;
import java.util.List;
import org.junit.jupiter.api.Test;

class DebugConsoleTest extends DeviceContract {
  private final StringBuilder printed = new StringBuilder();

  @Override
  protected Device create(Board on) {
    DebugConsole console =
        new DebugConsole(
            new SerialLine() {
              @Override
              public void transmit(int octet) {
                printed.append((char) octet);
              }

              @Override
              public int receive() {
                return -1;
              }

              @Override
              public void onInput(Runnable arrived) {}
            });
    console.attach(on.bus);
    return console;
  }

  @Override
  protected List<Range> ranges() {
    return List.of(new Range(false, AddressMap.DEBUG_CONSOLE_PORT, 1));
  }

  @Override
  protected void exercise(Device on, Board itsBoard) {
    itsBoard.bus.io().write(AddressMap.DEBUG_CONSOLE_PORT, 1, '.');
  }

  @Test
  void printsBytesAndSaysThatItIsThere() {
    board.bus.io().write(AddressMap.DEBUG_CONSOLE_PORT, 1, 'o');
    board.bus.io().write(AddressMap.DEBUG_CONSOLE_PORT, 1, 'k');
    assertEquals("ok", printed.toString());
    assertEquals(0xE9, board.bus.io().read(AddressMap.DEBUG_CONSOLE_PORT, 1));
  }
}
