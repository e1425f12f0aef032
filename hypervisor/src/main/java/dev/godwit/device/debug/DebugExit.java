package dev.godwit.device.debug;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.PortHandler;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceBus;
import dev.godwit.snapshot.StatePart;
import dev.godwit.snapshot.StatelessPart;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * A port that ends the machine, as QEMU's {@code isa-debug-exit}: a write of {@code value} asks for
 * the exit status {@code value * 2 + 1}, so that no guest can claim the status of a success of the
 * program that runs it.
 */
public final class DebugExit implements Device, PortHandler {
  /** Its kind. */
  public static final String KIND = "debug-exit";

  /** The only one there is, named after its port. */
  public static final String INSTANCE = "f4";

  private static final int PORTS = 4;

  private final IntConsumer end;

  /**
   * @param end takes the exit status, 0–255; called on a vCPU's thread
   */
  public DebugExit(IntConsumer end) {
    this.end = end;
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
        new StatelessPart(KIND + "/" + INSTANCE, "a write ends the machine; nothing is kept"));
  }

  @Override
  public void attach(DeviceBus bus) {
    bus.io().map(AddressMap.DEBUG_EXIT_PORT, PORTS, KIND, this);
  }

  @Override
  public int readPort(int port, int sizeBytes) {
    return 0;
  }

  @Override
  public void writePort(int port, int sizeBytes, int value) {
    end.accept((value << 1 | 1) & 0xFF);
  }

  @Override
  public void reset() {}

  /** Stands still by itself: it has no threads. */
  @Override
  public void quiesce() {}

  @Override
  public void resume() {}
}
