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

  /** Delivers a message to every local APIC but, if {@code sender} is not null, the sender. */
  void sendToAll(InterruptMessage message, @Nullable LocalApic sender) {
    for (LocalApic apic : apics) {
      if (apic != sender) {
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
