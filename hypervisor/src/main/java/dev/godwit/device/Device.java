package dev.godwit.device;

import dev.godwit.snapshot.StatePart;
import java.util.List;

/**
 * An emulated device.
 *
 * <p>A device gets its wires (interrupt line, clock, backend, guest memory) in its constructor and
 * its addresses by {@link #attach}. None of the methods has a default: a device says what it does
 * in every case.
 */
public interface Device {
  /** Returns what it is, as on the command line and in a snapshot: "uart". */
  String kind();

  /** Returns which one of its kind it is: "com1", "00:1f.0". */
  String instance();

  /**
   * Returns its state parts, at least one, always the same ones: a device without state says so by
   * a {@link dev.godwit.snapshot.StatelessPart} with the reason.
   */
  List<StatePart> stateParts();

  /**
   * Maps its registers. Called once, before the machine runs.
   *
   * @throws IllegalStateException if an address is taken
   */
  void attach(DeviceBus bus);

  /** Puts it into the state it has after power-on and lowers its lines. No vCPU runs meanwhile. */
  void reset();

  /**
   * Makes it stand still: when this returns, nothing but a register access changes its state or
   * touches guest RAM, and what its own threads and its backend would do waits for {@link #resume}.
   * Called while all vCPUs are locked; idempotent.
   */
  void quiesce();

  /** Ends {@link #quiesce}: what waited goes on. Idempotent. */
  void resume();
}
