package dev.godwit.platform;

import static dev.godwit.platform.HpetRegisters.*;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.InterruptLines;
import dev.godwit.bus.MmioBus;
import dev.godwit.bus.MmioHandler;
import dev.godwit.clock.Frequencies;
import dev.godwit.clock.GuestClock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The high precision event timer (IA-PC HPET 1.0a): a 64-bit counter and three comparators, with
 * legacy replacement routing and FSB (message) interrupts.
 *
 * <p>Threads: any.
 */
final class Hpet implements MmioHandler {
  /** A periodic comparator interrupts at most this often; matches in between coalesce. */
  private static final long MIN_PERIOD_TICKS = 50_000 * Frequencies.HPET_HZ / 1_000_000_000L;

  /**
   * Everything it remembers.
   *
   * @param configuration general configuration
   * @param status general interrupt status
   * @param counter the main counter at {@code startNanos}
   * @param startNanos guest time since which it counts, if enabled
   * @param timers comparators
   */
  record State(
      int configuration, int status, long counter, long startNanos, List<HpetTimer.State> timers) {
    State {
      StateChecks.require(
          (configuration & ~CONFIGURATION_WRITABLE) == 0, "hpet", "configuration", configuration);
      StateChecks.requireBits(status, TIMERS, "hpet", "status");
      StateChecks.requireNanos(startNanos, "hpet", "start_nanos");
      StateChecks.requireSize(timers, TIMERS, "hpet", "timers");
      for (HpetTimer.State timer : timers) {
        boolean armed = timer.nextMatchNanos() != HpetTimer.NEVER;
        StateChecks.require(
            !armed || (configuration & ENABLED) != 0,
            "hpet",
            "next_match_nanos",
            "set while disabled");
      }
      timers = List.copyOf(timers);
    }
  }

  private final Object lock = new Object();
  private final GuestClock clock;
  private final InterruptLines lines;
  private final List<LegacySwitch> legacy;
  private final List<InterruptLine> legacyLines;
  private final Map<Integer, InterruptLine> routes = new HashMap<>();
  private final List<HpetTimer> timers = new ArrayList<>();
  private final @Nullable InterruptLine[] heldWires = new InterruptLine[TIMERS];
  private int configuration;
  private int status;
  private long counter;
  private long startNanos;

  /**
   * @param lines where timers are routed to
   * @param irq0 what timer 0 replaces
   * @param irq8 what timer 1 replaces
   */
  Hpet(GuestClock clock, InterruptLines lines, LegacySwitch irq0, LegacySwitch irq8) {
    this.clock = clock;
    this.lines = lines;
    this.legacy = List.of(irq0, irq8);
    this.legacyLines = List.of(irq0.hpetInput(), irq8.hpetInput());
    for (int gsi = 0; gsi < Integer.SIZE; gsi++) {
      if ((ROUTES >>> gsi & 1) != 0) {
        routes.put(gsi, lines.line(gsi));
      }
    }
    for (int i = 0; i < TIMERS; i++) {
      int index = i;
      timers.add(new HpetTimer(clock.timer("hpet-" + i, () -> matchAlarm(index))));
    }
  }

  /** Takes its registers' addresses. */
  void attach(MmioBus mmio) {
    mmio.map(AddressMap.HPET_GPA, BYTES, "hpet", this);
  }

  @Override
  public long readMmio(long offset, int sizeBytes) {
    synchronized (lock) {
      return read((int) offset & ~7) >>> ((offset & 7) * 8);
    }
  }

  @Override
  public void writeMmio(long offset, int sizeBytes, long value) {
    int register = (int) offset & ~7;
    long shift = (offset & 7) * 8;
    long mask = (sizeBytes == 8 ? -1L : (1L << 8 * sizeBytes) - 1) << shift;
    synchronized (lock) {
      // Bits that are not written keep their value; of the status register they are written as 0.
      long kept = register == STATUS ? 0 : readForMerge(register) & ~mask;
      write(register, value << shift & mask | kept);
    }
  }

  private long read(int register) {
    if (register >= FIRST_TIMER && register < FIRST_TIMER + TIMERS * TIMER_STRIDE) {
      HpetTimer timer = timers.get((register - FIRST_TIMER) / TIMER_STRIDE);
      return switch (register & TIMER_STRIDE - 1) {
        case TIMER_CONFIGURATION -> timer.configuration & ~SET_ACCUMULATOR | TIMER_CAPABILITIES;
        case TIMER_COMPARATOR -> timer.comparator;
        case TIMER_FSB_ROUTE -> timer.fsbRoute;
        default -> 0;
      };
    }
    return switch (register) {
      case CAPABILITIES -> CAPABILITIES_VALUE;
      case CONFIGURATION -> configuration;
      case STATUS -> status;
      case COUNTER -> counter();
      default -> 0;
    };
  }

  /**
   * What a partial write leaves as it is: as read, but that a periodic comparator register is
   * written as its period.
   */
  private long readForMerge(int register) {
    boolean comparator =
        register >= FIRST_TIMER
            && register < FIRST_TIMER + TIMERS * TIMER_STRIDE
            && (register & TIMER_STRIDE - 1) == TIMER_COMPARATOR;
    if (comparator) {
      HpetTimer timer = timers.get((register - FIRST_TIMER) / TIMER_STRIDE);
      return timer.is(PERIODIC) && !timer.is(SET_ACCUMULATOR) ? timer.period : timer.comparator;
    }
    return read(register);
  }

  private void write(int register, long value) {
    if (register >= FIRST_TIMER && register < FIRST_TIMER + TIMERS * TIMER_STRIDE) {
      int index = (register - FIRST_TIMER) / TIMER_STRIDE;
      HpetTimer timer = timers.get(index);
      switch (register & TIMER_STRIDE - 1) {
        case TIMER_CONFIGURATION -> {
          timer.configure((int) value);
          rewire();
        }
        case TIMER_COMPARATOR -> timer.writeComparator(value);
        case TIMER_FSB_ROUTE -> timer.fsbRoute = value;
        default -> {}
      }
      schedule(timer);
      return;
    }
    switch (register) {
      case CONFIGURATION -> configure((int) value & CONFIGURATION_WRITABLE);
      case STATUS -> {
        status &= (int) ~value;
        rewire();
      }
      case COUNTER -> {
        counter = value;
        startNanos = clock.nowNanos();
        timers.forEach(this::schedule);
      }
      default -> {}
    }
  }

  private void configure(int value) {
    counter = counter();
    startNanos = clock.nowNanos();
    configuration = value;
    rewire();
    boolean replaced = (value & LEGACY_REPLACEMENT) != 0;
    legacy.forEach(wire -> wire.replace(replaced));
    timers.forEach(this::schedule);
  }

  private boolean enabled() {
    return (configuration & ENABLED) != 0;
  }

  private long counter() {
    return enabled()
        ? counter + GuestClock.ticks(clock.nowNanos() - startNanos, Frequencies.HPET_HZ)
        : counter;
  }

  /** Computes a timer's next match after a change. */
  private void schedule(HpetTimer timer) {
    timer.debt.clear();
    setNextMatch(
        timer, enabled() && timer.matters() ? timer.ticksToMatch(counter()) : HpetTimer.NEVER);
  }

  private void setNextMatch(HpetTimer timer, long ticksAway) {
    if (ticksAway == HpetTimer.NEVER) {
      timer.nextMatchNanos = HpetTimer.NEVER;
      timer.alarm.cancel();
    } else {
      timer.nextMatchNanos =
          startNanos + GuestClock.nanosAt(counter() - counter + ticksAway, Frequencies.HPET_HZ);
      timer.alarm.arm(timer.nextMatchNanos);
    }
  }

  private void matchAlarm(int index) {
    synchronized (lock) {
      HpetTimer timer = timers.get(index);
      if (timer.nextMatchNanos == HpetTimer.NEVER) {
        return;
      }
      boolean matched = clock.nowNanos() >= timer.nextMatchNanos;
      if (matched) {
        timer.debt.add(timer.missed(counter()) + 1);
        setNextMatch(timer, timer.advance(counter(), MIN_PERIOD_TICKS));
      } else {
        timer.alarm.arm(timer.nextMatchNanos);
      }
      if (timer.is(LEVEL)) {
        timer.debt.clear();
        if (matched) {
          status |= 1 << index;
          rewire();
        }
      } else if (timer.is(INTERRUPT_ENABLED)) {
        deliver(timer, index);
      }
    }
  }

  /** Sends a tick that is owed if the guest has taken the last one; else the next match tries. */
  private void deliver(HpetTimer timer, int index) {
    InterruptLine wire = wire(index);
    if (!timer.debt.any() || wire != null && wire.pending()) {
      return;
    }
    timer.debt.pay();
    sendEdge(index);
    if (timer.debt.any()) {
      long soon = clock.nowNanos() + TickDebt.PACE_NANOS;
      timer.alarm.arm(Math.min(timer.nextMatchNanos, soon));
    }
  }

  private void sendEdge(int index) {
    HpetTimer timer = timers.get(index);
    if (!isLegacy(index) && timer.is(FSB_ENABLED)) {
      lines.sendMsi(timer.fsbRoute >>> 32, (int) timer.fsbRoute);
      return;
    }
    InterruptLine wire = wire(index);
    if (wire != null) {
      wire.set(true);
      wire.set(false);
    }
  }

  private boolean isLegacy(int index) {
    return index < legacy.size() && (configuration & LEGACY_REPLACEMENT) != 0;
  }

  /**
   * Returns the wire that a timer's interrupts go to, the same object each time; null when it is
   * routed nowhere.
   */
  private @Nullable InterruptLine wire(int index) {
    return isLegacy(index)
        ? legacyLines.get(index)
        : routes.get(route(timers.get(index).configuration));
  }

  /** Returns the wire that a timer must hold: level-triggered, enabled and not yet served. */
  private @Nullable InterruptLine wireToHold(int index) {
    HpetTimer timer = timers.get(index);
    boolean holds = timer.is(LEVEL) && timer.is(INTERRUPT_ENABLED) && (status >>> index & 1) != 0;
    return holds ? wire(index) : null;
  }

  /** Holds and releases wires after any change that may matter to them. */
  private void rewire() {
    for (int i = 0; i < TIMERS; i++) {
      InterruptLine next = wireToHold(i);
      InterruptLine held = heldWires[i];
      if (!Objects.equals(next, held)) {
        heldWires[i] = next;
        if (held != null) {
          held.set(false);
        }
        if (next != null) {
          next.set(true);
        }
      }
    }
  }

  /** Returns the whole state. */
  State save() {
    synchronized (lock) {
      return new State(
          configuration,
          status,
          counter,
          startNanos,
          timers.stream().map(HpetTimer::save).toList());
    }
  }

  /** Replaces the whole state and arms the alarms; drives nothing. */
  void restore(State state) {
    StateChecks.requirePast(state.startNanos(), clock.nowNanos(), "hpet/0", "start_nanos");
    synchronized (lock) {
      configuration = state.configuration();
      status = state.status();
      counter = state.counter();
      startNanos = state.startNanos();
      for (int i = 0; i < TIMERS; i++) {
        HpetTimer timer = timers.get(i);
        timer.restore(state.timers().get(i));
        if (timer.nextMatchNanos == HpetTimer.NEVER) {
          timer.alarm.cancel();
        } else {
          timer.alarm.arm(timer.nextMatchNanos);
        }
        heldWires[i] = wireToHold(i);
      }
      boolean replaced = (configuration & LEGACY_REPLACEMENT) != 0;
      for (int i = 0; i < legacy.size(); i++) {
        legacy.get(i).restoreHpet(replaced, replaced && heldWires[i] != null);
      }
    }
  }
}
