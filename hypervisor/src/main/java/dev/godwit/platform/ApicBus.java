package dev.godwit.platform;

import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Carries interrupt messages to the local APICs whose destination matches, and ends of
 * level-triggered interrupts back.
 *
 * <p>Threads: any. {@link #send} takes the locks of its targets, one at a time, so no sender may
 * hold a local APIC's lock.
 */
final class ApicBus {
  private static final int ICR_LOGICAL = 1 << 11;
  private static final int ICR_ASSERT = 1 << 14;
  private static final int ICR_LEVEL_TRIGGERED = 1 << 15;
  private static final int ICR_SHORTHAND_SHIFT = 18;

  private volatile List<LocalApic> apics = List.of();
  private volatile IntConsumer endOfInterrupt = vector -> {};

  /** Connects the local APICs, in index order. */
  void connect(List<LocalApic> localApics) {
    apics = List.copyOf(localApics);
  }

  /**
   * Connects the I/O APIC's ear for ends of interrupts; called with the vector and without any
   * lock.
   */
  void onEndOfInterrupt(IntConsumer listener) {
    endOfInterrupt = listener;
  }

  /** Delivers a message. Returns whether an APIC accepted it. */
  boolean send(InterruptMessage message) {
    if (message.mode() == DeliveryMode.LOWEST_PRIORITY) {
      LocalApic target = lowestPriority(message);
      return target != null && target.accept(message);
    }
    boolean accepted = false;
    for (LocalApic apic : apics) {
      if (apic.isAddressedBy(message)) {
        accepted |= apic.accept(message);
      }
    }
    return accepted;
  }

  /** Says whether a local APIC that a message addresses has its vector requested and not taken. */
  boolean isRequested(InterruptMessage message) {
    for (LocalApic apic : apics) {
      if (apic.isAddressedBy(message) && apic.isRequested(message.vector())) {
        return true;
      }
    }
    return false;
  }

  /**
   * Executes an interrupt command (SDM vol. 3A 11.6.1).
   *
   * @param sender the local APIC that it was written to
   * @param command both words of the ICR; its vector is legal
   */
  void sendCommand(LocalApic sender, long command) {
    int low = (int) command;
    DeliveryMode mode = DeliveryMode.of(low);
    boolean deassertion = (low & ICR_LEVEL_TRIGGERED) != 0 && (low & ICR_ASSERT) == 0;
    if (mode == DeliveryMode.INIT && deassertion) {
      // A no-op since the Pentium 4.
      return;
    }
    int destination = (int) (command >>> 56);
    InterruptMessage message =
        new InterruptMessage(mode, low & 0xFF, (low & ICR_LOGICAL) != 0, destination, false);
    switch (low >>> ICR_SHORTHAND_SHIFT & 3) {
      case 0 -> send(message);
      case 1 -> sender.accept(message);
      case 2 -> sendToAll(message, null);
      default -> sendToAll(message, sender);
    }
  }

  private void sendToAll(InterruptMessage message, @Nullable LocalApic butNot) {
    for (LocalApic apic : apics) {
      if (!apic.equals(butNot)) {
        apic.accept(message);
      }
    }
  }

  /** Tells the I/O APIC that a level-triggered interrupt was served. */
  void endOfInterrupt(int vector) {
    endOfInterrupt.accept(vector);
  }

  /**
   * Picks the addressed APIC with the lowest processor priority; the first of several (SDM vol. 3A
   * 11.6.2.4).
   */
  private @Nullable LocalApic lowestPriority(InterruptMessage message) {
    LocalApic best = null;
    int bestPriority = Integer.MAX_VALUE;
    for (LocalApic apic : apics) {
      if (apic.isAddressedBy(message) && apic.acceptsFixed()) {
        int priority = apic.processorPriority();
        if (priority < bestPriority) {
          best = apic;
          bestPriority = priority;
        }
      }
    }
    return best;
  }
}
