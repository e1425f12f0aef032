package dev.godwit.platform;

import dev.godwit.bus.InterruptLine;

/**
 * Who drives a legacy interrupt, PIT (or RTC) or HPET: the legacy replacement route of the HPET
 * (IA-PC HPET 1.0a §2.3.5).
 *
 * <p>Threads: any. Its lock is taken after a device's and before a controller's.
 */
final class LegacySwitch {
  private final Object lock = new Object();
  private final InterruptLine output;
  private boolean replaced;
  private boolean legacyLevel;
  private boolean hpetLevel;

  /**
   * @param output the wire to the interrupt controllers
   */
  LegacySwitch(InterruptLine output) {
    this.output = output;
  }

  /** Returns the end of PIT or RTC. */
  InterruptLine legacyInput() {
    return new Input(false);
  }

  /** Returns the HPET's end. */
  InterruptLine hpetInput() {
    return new Input(true);
  }

  private final class Input implements InterruptLine {
    private final boolean ofHpet;

    private Input(boolean ofHpet) {
      this.ofHpet = ofHpet;
    }

    @Override
    public void set(boolean asserted) {
      synchronized (lock) {
        if (ofHpet) {
          hpetLevel = asserted;
        } else {
          legacyLevel = asserted;
        }
        drive();
      }
    }

    @Override
    public boolean pending() {
      synchronized (lock) {
        return replaced == ofHpet && output.pending();
      }
    }
  }

  /** Connects the HPET ({@code true}) or the legacy device. */
  void replace(boolean byHpet) {
    synchronized (lock) {
      replaced = byHpet;
      drive();
    }
  }

  private void drive() {
    output.set(replaced ? hpetLevel : legacyLevel);
  }

  /** Sets what PIT or RTC had driven, driving nothing. */
  void restoreLegacy(boolean level) {
    synchronized (lock) {
      legacyLevel = level;
    }
  }

  /** Sets the switch and what the HPET had driven, driving nothing. */
  void restoreHpet(boolean byHpet, boolean level) {
    synchronized (lock) {
      replaced = byHpet;
      hpetLevel = level;
    }
  }
}
