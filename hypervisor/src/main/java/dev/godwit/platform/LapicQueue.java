package dev.godwit.platform;

import java.util.List;

/**
 * Fixed interrupts of a local APIC by priority: IRR, ISR and TMR with task and processor priority
 * (SDM vol. 3A 11.8). Confined by the local APIC's lock.
 */
final class LapicQueue {
  /** No vector. */
  static final int NONE = -1;

  private final VectorSet requested = new VectorSet();
  private final VectorSet inService = new VectorSet();
  private final VectorSet levelTriggered = new VectorSet();
  private int taskPriority;

  /** Back to reset state: nothing pending, every priority admitted. */
  void reset() {
    requested.clear();
    inService.clear();
    levelTriggered.clear();
    taskPriority = 0;
  }

  int taskPriority() {
    return taskPriority;
  }

  /** Sets the task priority register, 8 bits. */
  void setTaskPriority(int value) {
    taskPriority = value & 0xFF;
  }

  /** Returns PPR: the task priority, or the class of what is in service if that is higher. */
  int processorPriority() {
    int served = Math.max(inService.highest(), 0);
    return taskPriority >>> 4 >= served >>> 4 ? taskPriority : served & 0xF0;
  }

  /** Requests an interrupt, 16–255. */
  void request(int vector, boolean level) {
    requested.add(vector);
    if (level) {
      levelTriggered.add(vector);
    } else {
      levelTriggered.remove(vector);
    }
  }

  /** Returns the vector that the priorities admit now, or {@link #NONE}. */
  int deliverable() {
    int vector = requested.highest();
    return vector >= 0 && vector >>> 4 > processorPriority() >>> 4 ? vector : NONE;
  }

  /** Puts {@link #deliverable} into service and returns it, or {@link #NONE}. */
  int take() {
    int vector = deliverable();
    if (vector != NONE) {
      requested.remove(vector);
      inService.add(vector);
    }
    return vector;
  }

  /** Ends what is in service; returns its vector if it was level-triggered, else {@link #NONE}. */
  int end() {
    int vector = inService.highest();
    if (vector < 0) {
      return NONE;
    }
    inService.remove(vector);
    return levelTriggered.has(vector) ? vector : NONE;
  }

  /** Returns IRR. */
  VectorSet requested() {
    return requested;
  }

  /** Returns ISR. */
  VectorSet inService() {
    return inService;
  }

  /** Returns TMR. */
  VectorSet levelTriggered() {
    return levelTriggered;
  }

  /** Replaces everything. */
  void restore(int tpr, List<Integer> irr, List<Integer> isr, List<Integer> tmr) {
    taskPriority = tpr;
    requested.set(irr);
    inService.set(isr);
    levelTriggered.set(tmr);
  }
}
