package dev.godwit.device.debug;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.bus.AddressMap;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceContract;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DebugExitTest extends DeviceContract {
  private final List<Integer> statuses = new ArrayList<>();

  @Override
  protected Device create(Board on) {
    DebugExit exit = new DebugExit(statuses::add);
    exit.attach(on.bus);
    return exit;
  }

  @Override
  protected List<Range> ranges() {
    return List.of(new Range(false, AddressMap.DEBUG_EXIT_PORT, 4));
  }

  @Override
  protected void exercise(Device on, Board itsBoard) {
    itsBoard.bus.io().write(AddressMap.DEBUG_EXIT_PORT, 4, 1);
  }

  @Test
  void statusIsOddAndOneByte() {
    board.bus.io().write(AddressMap.DEBUG_EXIT_PORT, 4, 0);
    board.bus.io().write(AddressMap.DEBUG_EXIT_PORT, 1, 0x10);
    board.bus.io().write(AddressMap.DEBUG_EXIT_PORT, 4, -1);
    assertEquals(List.of(1, 0x21, 0xFF), statuses);
  }
}
