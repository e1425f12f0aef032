package dev.godwit.platform;

import static dev.godwit.platform.LapicRegisters.*;

import dev.godwit.bus.AddressMap;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.LocalApicPort;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * A local APIC in xAPIC mode (SDM vol. 3A ch. 11).
 *
 * <p>Threads: its vCPU by {@link LocalApicPort}; any thread by {@link #accept} and the wires. One
 * lock, innermost but for the clock's; it is never held while a message is sent, the PIC is asked
 * or the vCPU is woken.
 */
final class LocalApic implements LocalApicPort {
  private static final ApicEvent NONE = new ApicEvent.None();
  private static final ApicEvent NMI = new ApicEvent.Nmi();
  private static final ApicEvent INIT = new ApicEvent.Init();

  private final int id;
  private final boolean bootProcessor;
  private final ApicBus bus;
  private final Object lock = new Object();
  private final LapicTimer timer;
  private final LapicQueue queue = new LapicQueue();
  private final int[] lvt = new int[LVT_ENTRIES];
  private volatile Runnable wake = () -> {};
  private volatile IntSupplier picAcknowledge = () -> -1;

  // Written under the lock, read without it by those who address this APIC.
  private volatile long apicBase;
  private volatile int ldr;
  private volatile int dfr;
  private volatile int svr;
  private volatile int ppr;

  /**
   * What {@link #hasInterrupt} and {@link #hasEvent} read; written under the lock after every
   * change.
   */
  private volatile boolean interruptDeliverable;

  private volatile boolean eventPending;

  private volatile boolean initOrSipiPending;

  private int esr;
  private int esrAccumulated;
  private long icr;
  private boolean lint0;
  private boolean nmiPending;
  private boolean initPending;
  private int sipiVector = -1;

  /**
   * Makes one in power-on state.
   *
   * @param id xAPIC ID, the vCPU's index
   * @param bus what its messages travel on
   */
  LocalApic(int id, GuestClock clock, ApicBus bus) {
    this.id = id;
    this.bootProcessor = id == 0;
    this.bus = bus;
    this.timer = new LapicTimer(clock, "lapic-" + id, this::timerAlarm);
    synchronized (lock) {
      apicBase = AddressMap.LOCAL_APIC_GPA | BASE_ENABLED | (bootProcessor ? BASE_BSP : 0);
      reset();
    }
  }

  /**
   * Connects what makes its vCPU look again; must neither block nor take a lock of this package.
   */
  void attachWake(Runnable newWake) {
    wake = newWake;
  }

  /** Connects the PIC's interrupt acknowledge cycle. */
  void attachPic(IntSupplier acknowledge) {
    picAcknowledge = acknowledge;
  }

  /**
   * Puts it into virtual wire mode, as firmware leaves it: enabled, the boot processor's LINT0 as
   * ExtINT, LINT1 as NMI (MultiProcessor Specification 1.4 §3.6.2.2).
   */
  void enterVirtualWireMode() {
    synchronized (lock) {
      svr = SVR_ENABLED | 0xFF;
      lvt[LINT0] = DeliveryMode.EXTINT.ordinal() << 8 | (bootProcessor ? 0 : LVT_MASKED);
      lvt[LINT1] = DeliveryMode.NMI.ordinal() << 8;
      update();
    }
  }

  // The vCPU's side.

  @Override
  public boolean hasInterrupt() {
    return interruptDeliverable;
  }

  @Override
  public int acknowledgeInterrupt() {
    synchronized (lock) {
      if (!extIntDeliverable()) {
        int vector = isEnabled() ? queue.take() : LapicQueue.NONE;
        update();
        return vector;
      }
    }
    return picAcknowledge.getAsInt();
  }

  @Override
  public boolean hasEvent() {
    return eventPending;
  }

  @Override
  public boolean hasInitOrSipi() {
    return initOrSipiPending;
  }

  @Override
  public ApicEvent takeEvent() {
    if (!eventPending) {
      return NONE;
    }
    synchronized (lock) {
      ApicEvent event = NONE;
      if (initPending) {
        initPending = false;
        nmiPending = false;
        reset();
        event = INIT;
      } else if (sipiVector >= 0) {
        event = new ApicEvent.Sipi(sipiVector);
        sipiVector = -1;
      } else if (nmiPending) {
        nmiPending = false;
        event = NMI;
      }
      update();
      return event;
    }
  }

  @Override
  public int readRegister(int offset) {
    synchronized (lock) {
      return switch (offset) {
        case ID -> id << 24;
        case VERSION -> VERSION_VALUE;
        case TPR -> queue.taskPriority();
        case PPR -> queue.processorPriority();
        case APR, RRD, EOI -> 0;
        case LDR -> ldr;
        case DFR -> dfr;
        case SVR -> svr;
        case ESR -> esr;
        case ICR_LOW -> (int) icr;
        case ICR_HIGH -> (int) (icr >>> 32);
        case INITIAL_COUNT -> (int) timer.initialCount();
        case CURRENT_COUNT -> (int) timer.currentCount();
        case DIVIDE_CONFIGURATION -> timer.divideConfiguration();
        default -> {
          if (offset >= ISR && offset < ISR + 0x180 && (offset & 0xF) == 0) {
            yield vectors(offset).word(offset >>> 4 & 7);
          } else if (isLvt(offset)) {
            yield lvt[offset - LVT_TIMER >>> 4];
          }
          reportError(ESR_ILLEGAL_REGISTER);
          update();
          yield 0;
        }
      };
    }
  }

  @Override
  public void writeRegister(int offset, int value) {
    int endedLevelVector = LapicQueue.NONE;
    boolean sendIpi = false;
    long command = 0;
    synchronized (lock) {
      switch (offset) {
        case TPR -> queue.setTaskPriority(value);
        case EOI -> endedLevelVector = queue.end();
        case LDR -> ldr = value & 0xFF000000;
        case DFR -> dfr = value | 0x0FFFFFFF;
        case SVR -> writeSpuriousVector(value);
        case ESR -> {
          esr = esrAccumulated;
          esrAccumulated = 0;
        }
        case ICR_LOW -> {
          icr = icr & 0xFFFFFFFF_00000000L | value & ICR_LOW_WRITABLE;
          command = icr;
          sendIpi = isSendable(value);
        }
        case ICR_HIGH -> icr = icr & 0xFFFFFFFFL | (long) (value & 0xFF000000) << 32;
        case INITIAL_COUNT -> timer.setInitialCount(value & 0xFFFFFFFFL);
        case DIVIDE_CONFIGURATION -> timer.setDivideConfiguration(value);
        case ID, VERSION, APR, PPR, RRD, CURRENT_COUNT -> {}
        default -> {
          if (isLvt(offset)) {
            writeLvt(offset - LVT_TIMER >>> 4, value);
          } else if (offset < ISR || offset >= ESR) {
            reportError(ESR_ILLEGAL_REGISTER);
          }
        }
      }
      update();
    }
    if (endedLevelVector != LapicQueue.NONE) {
      bus.endOfInterrupt(endedLevelVector);
    }
    if (sendIpi) {
      bus.sendCommand(this, command);
    }
    wakeIfPending();
  }

  @Override
  public long apicBase() {
    return apicBase;
  }

  @Override
  public boolean setApicBase(long value) {
    if ((value & (BASE_RESERVED | BASE_X2APIC)) != 0) {
      return false;
    }
    synchronized (lock) {
      if ((value & BASE_ENABLED) == 0 && isEnabled()) {
        reset();
      }
      apicBase = value;
      update();
    }
    wakeIfPending();
    return true;
  }

  @Override
  public long tscDeadline() {
    synchronized (lock) {
      return timer.tscDeadline();
    }
  }

  @Override
  public void setTscDeadline(long deadlineTicks) {
    synchronized (lock) {
      timer.setTscDeadline(deadlineTicks);
    }
  }

  @Override
  public int cr8() {
    synchronized (lock) {
      return queue.taskPriority() >>> 4;
    }
  }

  @Override
  public void setCr8(int value) {
    synchronized (lock) {
      queue.setTaskPriority((value & 0xF) << 4);
      update();
    }
    wakeIfPending();
  }

  // The bus's side.

  /** Says whether the message's destination names this APIC. */
  boolean isAddressedBy(InterruptMessage message) {
    if (!isEnabled()) {
      return false;
    }
    return message.addresses(id, ldr, dfr);
  }

  /** Says whether it takes fixed interrupts at all. */
  boolean acceptsFixed() {
    return (svr & SVR_ENABLED) != 0 && isEnabled();
  }

  /** Says whether a vector is requested and its vCPU has not taken it yet. */
  boolean isRequested(int vector) {
    synchronized (lock) {
      return queue.requested().has(vector);
    }
  }

  /** Returns the processor priority for arbitration. */
  int processorPriority() {
    return ppr;
  }

  /**
   * Takes a message in, whatever its destination. Returns whether it was accepted. Any thread
   * without a local APIC's lock.
   */
  boolean accept(InterruptMessage message) {
    boolean accepted;
    synchronized (lock) {
      accepted = isEnabled() && take(message);
      update();
    }
    if (accepted) {
      wakeIfPending();
    }
    return accepted;
  }

  /** Drives LINT0, the wire from the PIC. */
  void setLint0(boolean asserted) {
    synchronized (lock) {
      if (lint0 == asserted) {
        return;
      }
      lint0 = asserted;
      if (asserted) {
        fireLvt(LINT0);
      }
      update();
    }
    wakeIfPending();
  }

  /** A rising edge on LINT1, the board's NMI wire. */
  void pulseLint1() {
    synchronized (lock) {
      fireLvt(LINT1);
      update();
    }
    wakeIfPending();
  }

  private void timerAlarm() {
    synchronized (lock) {
      if (timer.expire()) {
        fireLvt(TIMER);
        update();
      }
    }
    wakeIfPending();
  }

  private void wakeIfPending() {
    if (interruptDeliverable || eventPending) {
      wake.run();
    }
  }

  // Below: under the lock.

  private boolean take(InterruptMessage message) {
    switch (message.mode()) {
      case FIXED, LOWEST_PRIORITY -> {
        return acceptsFixed() && takeFixed(message.vector(), message.level());
      }
      case NMI -> nmiPending = true;
      case INIT -> {
        initPending = true;
        sipiVector = -1;
      }
      case STARTUP -> sipiVector = message.vector();
      // No system management mode; the PIC is wired to LINT0 and nowhere else.
      case SMI, EXTINT, RESERVED -> {
        return false;
      }
    }
    return true;
  }

  private boolean takeFixed(int vector, boolean level) {
    if (vector < 16) {
      reportError(ESR_RECEIVED_ILLEGAL_VECTOR);
      return false;
    }
    queue.request(vector, level);
    return true;
  }

  /** Delivers a local interrupt. ExtINT is no edge: {@link #extIntDeliverable} follows the wire. */
  private void fireLvt(int index) {
    int entry = lvt[index];
    if ((entry & LVT_MASKED) != 0) {
      return;
    }
    boolean hasMode = index != TIMER && index != ERROR;
    DeliveryMode mode = hasMode ? DeliveryMode.of(entry) : DeliveryMode.FIXED;
    if (mode == DeliveryMode.FIXED) {
      takeFixed(entry & 0xFF, false);
    } else if (mode == DeliveryMode.NMI) {
      nmiPending = true;
    }
  }

  private void reportError(int bit) {
    boolean known = (esrAccumulated & bit) != 0;
    esrAccumulated |= bit;
    if (!known) {
      fireLvt(ERROR);
    }
  }

  private void writeSpuriousVector(int value) {
    svr = value & SVR_WRITABLE;
    if ((svr & SVR_ENABLED) == 0) {
      for (int i = 0; i < LVT_ENTRIES; i++) {
        lvt[i] |= LVT_MASKED;
      }
    }
  }

  private static boolean isLvt(int offset) {
    return offset >= LVT_TIMER && offset <= LVT_ERROR && (offset & 0xF) == 0;
  }

  private void writeLvt(int index, int value) {
    int masked = (svr & SVR_ENABLED) == 0 ? LVT_MASKED : 0;
    lvt[index] = value & lvtWritable(index) | masked;
    if (index == TIMER) {
      timer.setMode(lvt[TIMER]);
    }
  }

  /** Says whether a command may go out; reports an illegal vector. */
  private boolean isSendable(int command) {
    DeliveryMode mode = DeliveryMode.of(command);
    if ((mode == DeliveryMode.FIXED || mode == DeliveryMode.LOWEST_PRIORITY)
        && (command & 0xFF) < 16) {
      reportError(ESR_SEND_ILLEGAL_VECTOR);
      return false;
    }
    return true;
  }

  private void reset() {
    queue.reset();
    ldr = 0;
    dfr = DFR_FLAT;
    svr = 0xFF;
    esr = 0;
    esrAccumulated = 0;
    icr = 0;
    Arrays.fill(lvt, LVT_MASKED);
    timer.reset();
    update();
  }

  private boolean extIntDeliverable() {
    if (!lint0) {
      return false;
    }
    boolean bypassed = !isEnabled();
    return bypassed
        || ((lvt[LINT0] & LVT_MASKED) == 0 && DeliveryMode.of(lvt[LINT0]) == DeliveryMode.EXTINT);
  }

  private boolean isEnabled() {
    return (apicBase & BASE_ENABLED) != 0;
  }

  /** Returns the set that a register from ISR to IRR belongs to. */
  private VectorSet vectors(int offset) {
    if (offset < TMR) {
      return queue.inService();
    }
    return offset < IRR ? queue.levelTriggered() : queue.requested();
  }

  /** Computes what others see: PPR and the two flags. Called after every change. */
  private void update() {
    ppr = queue.processorPriority();
    boolean vectorDeliverable = isEnabled() && queue.deliverable() != LapicQueue.NONE;
    interruptDeliverable = vectorDeliverable || extIntDeliverable();
    initOrSipiPending = initPending || sipiVector >= 0;
    eventPending = nmiPending || initPending || sipiVector >= 0;
  }

  // Saved state.

  /** Returns the whole state. */
  LapicState save() {
    synchronized (lock) {
      List<Integer> entries = new ArrayList<>();
      for (int entry : lvt) {
        entries.add(entry);
      }
      return new LapicState(
          id,
          apicBase,
          queue.taskPriority(),
          ldr,
          dfr,
          svr,
          esr,
          esrAccumulated,
          icr,
          queue.inService().words(),
          queue.levelTriggered().words(),
          queue.requested().words(),
          entries,
          timer.save(),
          lint0,
          nmiPending,
          initPending,
          sipiVector);
    }
  }

  /** Replaces the whole state and arms the timer. */
  void restore(LapicState state, long nowNanos) {
    StateChecks.require(state.id() == id, "lapic/" + id, "apic_id", state.id());
    StateChecks.requirePast(
        state.timer().startNanos(), nowNanos, "lapic/" + id, "timer.start_nanos");
    synchronized (lock) {
      apicBase = state.apicBase();
      queue.restore(state.tpr(), state.irr(), state.isr(), state.tmr());
      ldr = state.ldr();
      dfr = state.dfr();
      svr = state.svr();
      esr = state.esr();
      esrAccumulated = state.esrAccumulated();
      icr = state.icr();
      for (int i = 0; i < LVT_ENTRIES; i++) {
        lvt[i] = state.lvt().get(i);
      }
      timer.restore(lvt[TIMER], state.timer());
      lint0 = state.lint0();
      nmiPending = state.nmi();
      initPending = state.init();
      sipiVector = state.sipiVector();
      update();
    }
    wakeIfPending();
  }
}
