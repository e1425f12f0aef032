package dev.godwit.device.debug;

import dev.godwit.backend.SerialLine;
import dev.godwit.bus.AddressMap;
import dev.godwit.bus.PortHandler;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceBus;
import dev.godwit.snapshot.StatePart;
import dev.godwit.snapshot.StatelessPart;
import java.util.List;

/** A port that prints each byte written to it; reading it returns its number, which is its sign. */
public final class DebugConsole implements Device, PortHandler {
  /** Its kind. */
  public static final String KIND = "debug-console";

  /** The only one there is, named after its port. */
  public static final String INSTANCE = "e9";

  private final SerialLine line;

  /**
   * @param line where the bytes go
   */
  public DebugConsole(SerialLine line) {
    this.line = line;
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return INSTANCE;
  }

  @Override
  public List<StatePart> stateParts() {
    return List.of(
        new StatelessPart(KIND + "/" + INSTANCE, "bytes go out as they come; nothing is kept"));
  }

  @Override
  public void attach(DeviceBus bus) {
    bus.io().map(AddressMap.DEBUG_CONSOLE_PORT, 1, KIND, this);
  }

  @Override
  public int readPort(int port, int sizeBytes) {
    return AddressMap.DEBUG_CONSOLE_PORT;
  }

  @Override
  public void writePort(int port, int sizeBytes, int value) {
    line.transmit(value & 0xFF);
  }

  @Override
  public void reset() {}

  /** Stands still by itself: it has no threads. */
  @Override
  public void quiesce() {}

  @Override
  public void resume() {}
}
