package dev.godwit.platform;

/**
 * One 8259A interrupt controller (Intel data sheet 231468). A state machine without wires, confined
 * by {@link Pic}'s lock.
 */
final class PicChip {
  /** The master's input that the slave is wired to. */
  static final int CASCADE = 2;

  private static final int SPURIOUS = 7;

  /**
   * Everything a chip remembers; masks have input n in bit n.
   *
   * @param lines levels of the inputs
   * @param irr requests
   * @param isr in service
   * @param imr masked
   * @param elcr level-triggered inputs
   * @param vectorBase vector of input 0, a multiple of 8
   * @param highestPriority the input that goes first, 0–7
   * @param expectedIcw the next initialisation command word, 2–4, or 0
   * @param icw4Needed ICW1 announced ICW4
   * @param readsIsr a read of the command port gives ISR, not IRR
   * @param poll the next read is a poll
   * @param specialMask special mask mode
   * @param specialFullyNested special fully nested mode
   * @param autoEoi interrupts end when acknowledged
   * @param rotateOnAutoEoi and go to the end of the queue then
   */
  record State(
      int lines,
      int irr,
      int isr,
      int imr,
      int elcr,
      int vectorBase,
      int highestPriority,
      int expectedIcw,
      boolean icw4Needed,
      boolean readsIsr,
      boolean poll,
      boolean specialMask,
      boolean specialFullyNested,
      boolean autoEoi,
      boolean rotateOnAutoEoi) {
    State {
      StateChecks.requireBits(lines, 8, "pic", "asserted_lines");
      StateChecks.requireBits(irr, 8, "pic", "irr");
      StateChecks.requireBits(isr, 8, "pic", "isr");
      StateChecks.requireBits(imr, 8, "pic", "imr");
      StateChecks.requireBits(elcr, 8, "pic", "elcr");
      StateChecks.require((vectorBase & ~0xF8) == 0, "pic", "vector_base", vectorBase);
      StateChecks.requireBits(highestPriority, 3, "pic", "highest_priority");
      StateChecks.require(
          expectedIcw == 0 || (expectedIcw >= 2 && expectedIcw <= 4),
          "pic",
          "expected_icw",
          expectedIcw);
    }
  }

  private final boolean master;

  /** Inputs that can be level-triggered: not timer, keyboard, cascade, RTC, FPU. */
  private final int elcrWritable;

  private int lines;
  private int irr;
  private int isr;
  private int imr;
  private int elcr;
  private int vectorBase;
  private int highestPriority;
  private int expectedIcw;
  private boolean icw4Needed;
  private boolean readsIsr;
  private boolean poll;
  private boolean specialMask;
  private boolean specialFullyNested;
  private boolean autoEoi;
  private boolean rotateOnAutoEoi;

  /** Makes one with every input masked, as firmware that has no use for it leaves it. */
  PicChip(boolean master) {
    this.master = master;
    this.imr = 0xFF;
    this.elcrWritable = master ? 0xF8 : 0xDE;
  }

  /** Drives an input. */
  void setLine(int input, boolean asserted) {
    int bit = 1 << input;
    boolean level = (elcr & bit) != 0;
    if (asserted) {
      if (level || (lines & bit) == 0) {
        irr |= bit;
      }
      lines |= bit;
    } else {
      if (level) {
        irr &= ~bit;
      }
      lines &= ~bit;
    }
  }

  /** Says whether an input's request waits and is not masked. */
  boolean isPending(int input) {
    return (irr & ~imr & 1 << input) != 0;
  }

  /** Says whether INT is asserted. */
  boolean interrupts() {
    return pendingInput() >= 0;
  }

  /** Returns the input that is to be served next, or -1. */
  private int pendingInput() {
    int request = highest(irr & ~imr);
    if (request < 0) {
      return -1;
    }
    int inService = specialMask ? isr & ~imr : isr;
    if (specialFullyNested && master) {
      inService &= ~(1 << CASCADE);
    }
    int served = highest(inService);
    return served < 0 || rank(request) < rank(served) ? request : -1;
  }

  /** Returns the input of highest priority in a mask, or -1. */
  private int highest(int mask) {
    if (mask == 0) {
      return -1;
    }
    int rotated = (mask | mask << 8) >>> highestPriority & 0xFF;
    return Integer.numberOfTrailingZeros(rotated) + highestPriority & 7;
  }

  private int rank(int input) {
    return input - highestPriority & 7;
  }

  /**
   * Runs an interrupt acknowledge cycle: returns the input, or -1 when there was no request (input
   * 7 answers then).
   */
  int acknowledge() {
    int input = pendingInput();
    if (input >= 0) {
      int bit = 1 << input;
      if (autoEoi) {
        if (rotateOnAutoEoi) {
          highestPriority = input + 1 & 7;
        }
      } else {
        isr |= bit;
      }
      if ((elcr & bit) == 0) {
        irr &= ~bit;
      }
    }
    return input;
  }

  /** Returns the vector of an input, or of a spurious interrupt for -1. */
  int vector(int input) {
    return vectorBase + (input < 0 ? SPURIOUS : input);
  }

  /** Reads the command port: a poll answer, ISR or IRR. */
  int readCommand() {
    if (poll) {
      return pollAnswer();
    }
    return readsIsr ? isr : irr;
  }

  /** Reads the data port: a poll answer or IMR. */
  int readData() {
    return poll ? pollAnswer() : imr;
  }

  private int pollAnswer() {
    poll = false;
    int input = acknowledge();
    return input < 0 ? 0 : 0x80 | input;
  }

  /** Writes the command port: ICW1, OCW2 or OCW3. */
  void writeCommand(int value) {
    if ((value & 0x10) != 0) {
      initialize(value);
    } else if ((value & 0x08) == 0) {
      operate(value >>> 5, value & 7);
    } else {
      if ((value & 0x04) != 0) {
        poll = true;
      }
      if ((value & 0x02) != 0) {
        readsIsr = (value & 1) != 0;
      }
      if ((value & 0x40) != 0) {
        specialMask = (value & 0x20) != 0;
      }
    }
  }

  /** ICW1. Edge inputs forget their requests; level inputs still request by their wires. */
  private void initialize(int icw1) {
    irr = lines & elcr;
    isr = 0;
    imr = 0;
    highestPriority = 0;
    icw4Needed = (icw1 & 1) != 0;
    readsIsr = false;
    poll = false;
    specialMask = false;
    specialFullyNested = false;
    autoEoi = false;
    rotateOnAutoEoi = false;
    expectedIcw = 2;
  }

  /** OCW2: ends of interrupt and rotation; {@code command} is R, SL and EOI. */
  private void operate(int command, int input) {
    switch (command) {
      case 0b000 -> rotateOnAutoEoi = false;
      case 0b100 -> rotateOnAutoEoi = true;
      case 0b001, 0b101 -> {
        int served = highest(specialMask ? isr & ~imr : isr);
        if (served >= 0) {
          isr &= ~(1 << served);
          if (command == 0b101) {
            highestPriority = served + 1 & 7;
          }
        }
      }
      case 0b011 -> isr &= ~(1 << input);
      case 0b110 -> highestPriority = input + 1 & 7;
      case 0b111 -> {
        isr &= ~(1 << input);
        highestPriority = input + 1 & 7;
      }
      default -> {} // 0b010: no operation
    }
  }

  /** Writes the data port: ICW2–4 while initialising, else IMR. */
  void writeData(int value) {
    switch (expectedIcw) {
      case 2 -> {
        vectorBase = value & 0xF8;
        expectedIcw = 3;
      }
      case 3 -> expectedIcw = icw4Needed ? 4 : 0;
      case 4 -> {
        specialFullyNested = (value & 0x10) != 0;
        autoEoi = (value & 0x02) != 0;
        expectedIcw = 0;
      }
      default -> imr = value;
    }
  }

  int elcr() {
    return elcr;
  }

  /** Sets edge or level for each input that can be either. */
  void setElcr(int value) {
    elcr = value & elcrWritable;
    irr = irr & ~elcr | lines & elcr;
  }

  State save() {
    return new State(
        lines,
        irr,
        isr,
        imr,
        elcr,
        vectorBase,
        highestPriority,
        expectedIcw,
        icw4Needed,
        readsIsr,
        poll,
        specialMask,
        specialFullyNested,
        autoEoi,
        rotateOnAutoEoi);
  }

  void restore(State state) {
    lines = state.lines();
    irr = state.irr();
    isr = state.isr();
    imr = state.imr();
    elcr = state.elcr();
    vectorBase = state.vectorBase();
    highestPriority = state.highestPriority();
    expectedIcw = state.expectedIcw();
    icw4Needed = state.icw4Needed();
    readsIsr = state.readsIsr();
    poll = state.poll();
    specialMask = state.specialMask();
    specialFullyNested = state.specialFullyNested();
    autoEoi = state.autoEoi();
    rotateOnAutoEoi = state.rotateOnAutoEoi();
  }
}
