package dev.godwit.e2e.chaos;

import dev.godwit.bus.PortHandler;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceBus;
import dev.godwit.snapshot.StatePart;
import dev.godwit.snapshot.StatelessPart;
import java.util.List;

/** The ports by which the guest tells the world outside that it lives, or what is wrong. */
final class WitnessPort implements Device, PortHandler {
  static final String KIND = "chaos-witness";
  static final String INSTANCE = "e0";

  private static final int HEARTBEAT_PORT = 0xE0;
  private static final int WRONG_PORT = 0xE4;

  private final Witness witness;

  WitnessPort(Witness witness) {
    this.witness = witness;
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
        new StatelessPart(KIND + "/" + INSTANCE, "what the world has heard is the world's"));
  }

  @Override
  public void attach(DeviceBus bus) {
    bus.io().map(HEARTBEAT_PORT, 8, KIND, this);
  }

  @Override
  public int readPort(int port, int sizeBytes) {
    return -1;
  }

  @Override
  public void writePort(int port, int sizeBytes, int value) {
    if (port == HEARTBEAT_PORT) {
      witness.heartbeat(Integer.toUnsignedLong(value));
    } else if (port == WRONG_PORT) {
      witness.wrong(Integer.toUnsignedLong(value));
    }
  }

  @Override
  public void reset() {}

  /** Stands still by itself: it has no threads. */
  @Override
  public void quiesce() {}

  @Override
  public void resume() {}
}
