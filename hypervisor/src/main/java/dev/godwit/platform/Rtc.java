package dev.godwit.platform;

import static dev.godwit.platform.RtcRegisters.*;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import java.time.Instant;

/**
 * The MC146818 real-time clock. It takes the host's wall time once, at power-on, and follows guest
 * time from then on.
 *
 * <p>Wall time is {@code base + (guest time + phase)}: a second begins whenever the sum in brackets
 * is a whole one. Flags of register C are computed when somebody looks; an alarm is armed only for
 * events that interrupt.
 *
 * <p>Threads: any.
 */
final class Rtc implements BytePorts {
  private static final long SECOND_NANOS = 1_000_000_000L;
  private static final int DAY_SECONDS = 86_400;

  /** How long before an update its flag is seen. */
  private static final long UPDATE_NOTICE_NANOS = 244_141;

  /** Wall times that the registers can show: years 0 to 16,665. */
  private static final long MAX_WALL_SECONDS = 1L << 40;

  /**
   * Everything it remembers.
   *
   * @param index the index port's value
   * @param memory 128 bytes
   * @param wallSeconds wall time at saving, or what goes on counting while updates are inhibited
   * @param wallSubsecondNanos the part below a second
   * @param flags unread bits of register C
   * @param seenNanos guest time up to which events are in the flags
   * @param lineAsserted level of IRQ 8
   */
  record State(
      int index,
      byte[] memory,
      long wallSeconds,
      int wallSubsecondNanos,
      int flags,
      long seenNanos,
      boolean lineAsserted) {
    State {
      StateChecks.requireBits(index, 7, "rtc", "index");
      StateChecks.require(memory.length == BYTES, "rtc", "size of memory", memory.length);
      StateChecks.require(
          wallSeconds >= -MAX_WALL_SECONDS && wallSeconds <= MAX_WALL_SECONDS,
          "rtc",
          "wall_seconds",
          wallSeconds);
      StateChecks.require(
          wallSubsecondNanos >= 0 && wallSubsecondNanos < SECOND_NANOS,
          "rtc",
          "wall_subsecond_nanos",
          wallSubsecondNanos);
      StateChecks.require((flags & ~INTERRUPTS) == 0, "rtc", "flags", flags);
      StateChecks.requireNanos(seenNanos, "rtc", "seen_nanos");
    }
  }

  private final Object lock = new Object();
  private final GuestClock clock;
  private final LegacySwitch wire;
  private final InterruptLine line;
  private final GuestClock.Timer alarm;
  private final byte[] memory = new byte[BYTES];
  private int index;
  private long baseSeconds;
  private long phaseNanos;
  private int flags;
  private long seenNanos;
  private boolean lineAsserted;

  /**
   * @param wire the way to IRQ 8
   * @param powerOn the wall time now
   * @param lowRamBytes RAM below 4 GiB
   * @param highRamBytes RAM above 4 GiB
   */
  Rtc(GuestClock clock, LegacySwitch wire, Instant powerOn, long lowRamBytes, long highRamBytes) {
    this.clock = clock;
    this.wire = wire;
    this.line = wire.legacyInput();
    this.alarm = clock.timer("rtc", this::eventAlarm);
    memory[A] = 0x26;
    memory[B] = B_24_HOURS;
    setWall(powerOn.getEpochSecond(), powerOn.getNano());
    seenNanos = clock.nowNanos();
    storeMemorySizes(lowRamBytes, highRamBytes);
  }

  private void storeMemorySizes(long lowRamBytes, long highRamBytes) {
    int extendedKib = Math.clamp((lowRamBytes >> 10) - 1024, 0, 0xFFFF);
    int above16Mib = Math.clamp((lowRamBytes >> 16) - 256, 0, 0xFFFF);
    int above4Gib = Math.clamp(highRamBytes >> 16, 0, 0xFFFFFF);
    store(BASE_MEMORY, 640, 2);
    store(EXTENDED_MEMORY, extendedKib, 2);
    store(EXTENDED_MEMORY_COPY, extendedKib, 2);
    store(MEMORY_ABOVE_16_MIB, above16Mib, 2);
    store(MEMORY_ABOVE_4_GIB, above4Gib, 3);
  }

  private void store(int at, int value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      memory[at + i] = (byte) (value >>> 8 * i);
    }
  }

  /** Takes its ports. */
  void attach(PortBus io) {
    io.map(AddressMap.RTC_PORT, 2, "rtc", this);
  }

  @Override
  public int readByte(int port) {
    if (port == AddressMap.RTC_PORT) {
      return 0xFF;
    }
    synchronized (lock) {
      int register = index;
      if (isTime(register)) {
        return inhibited()
            ? memory[register] & 0xFF
            : format().encode(register, wallSeconds(clock.nowNanos()));
      }
      return switch (register) {
        case A -> memory[A] & 0xFF | (updateIsNear() ? A_UPDATE_IN_PROGRESS : 0);
        case C -> takeFlags();
        case D -> D_VALID;
        default -> memory[register] & 0xFF;
      };
    }
  }

  @Override
  public void writeByte(int port, int value) {
    synchronized (lock) {
      if (port == AddressMap.RTC_PORT) {
        // Bit 7 would mask NMIs: nothing on this board raises them by itself.
        index = value & 0x7F;
        return;
      }
      collectEvents();
      switch (index) {
        case A -> writeA(value);
        case B -> writeB(value);
        case C, D -> {}
        default -> {
          if (isTime(index) && !inhibited()) {
            freezeTimeRegisters();
            memory[index] = (byte) value;
            resumeTimeRegisters(subsecondNanos(clock.nowNanos()));
          } else {
            memory[index] = (byte) value;
          }
        }
      }
      drive();
      arm();
    }
  }

  private void writeA(int value) {
    boolean wasReset = dividerIsReset();
    boolean wasInhibited = inhibited();
    if (!wasInhibited && (value & A_DIVIDER) >= A_DIVIDER_RESET) {
      freezeTimeRegisters();
    }
    memory[A] = (byte) (value & ~A_UPDATE_IN_PROGRESS);
    if (wasReset && !dividerIsReset()) {
      // The first update comes half a second after the divider starts.
      setWall(wallSeconds(clock.nowNanos()), (int) (SECOND_NANOS / 2));
    }
    if (wasInhibited && !inhibited()) {
      resumeTimeRegisters(subsecondNanos(clock.nowNanos()));
    }
  }

  private void writeB(int value) {
    boolean wasInhibited = inhibited();
    boolean inhibits = (value & B_INHIBIT) != 0;
    if (!wasInhibited && inhibits) {
      freezeTimeRegisters();
    }
    memory[B] = (byte) (inhibits ? value & ~UPDATE : value);
    if (wasInhibited && !inhibited()) {
      resumeTimeRegisters(subsecondNanos(clock.nowNanos()));
    }
  }

  private int takeFlags() {
    collectEvents();
    int request = (flags & memory[B] & INTERRUPTS) != 0 ? C_REQUEST : 0;
    int value = flags | request;
    flags = 0;
    drive();
    arm();
    return value;
  }

  private void eventAlarm() {
    synchronized (lock) {
      collectEvents();
      drive();
      arm();
    }
  }

  // Time.

  private RtcFormat format() {
    return RtcFormat.of(memory[B]);
  }

  private boolean dividerIsReset() {
    return (memory[A] & A_DIVIDER) >= A_DIVIDER_RESET;
  }

  /** Says whether the time registers stand still, for software to set them. */
  private boolean inhibited() {
    return (memory[B] & B_INHIBIT) != 0 || dividerIsReset();
  }

  private long wallSeconds(long guestNanos) {
    return baseSeconds + (guestNanos + phaseNanos) / SECOND_NANOS;
  }

  private int subsecondNanos(long guestNanos) {
    return (int) ((guestNanos + phaseNanos) % SECOND_NANOS);
  }

  /** Makes the wall time what is given, at this moment. */
  private void setWall(long seconds, int subsecond) {
    long now = clock.nowNanos();
    phaseNanos = Math.floorMod(subsecond - now, SECOND_NANOS);
    baseSeconds = seconds - (now + phaseNanos) / SECOND_NANOS;
  }

  private void freezeTimeRegisters() {
    long wall = wallSeconds(clock.nowNanos());
    for (int register = 0; register < BYTES; register++) {
      if (isTime(register)) {
        memory[register] = (byte) format().encode(register, wall);
      }
    }
  }

  private void resumeTimeRegisters(int subsecond) {
    setWall(format().decode(memory), subsecond);
  }

  private boolean updateIsNear() {
    return !inhibited() && subsecondNanos(clock.nowNanos()) >= SECOND_NANOS - UPDATE_NOTICE_NANOS;
  }

  // Events.

  /** Rate of the periodic event in Hz, 0 for none. */
  private long periodicHz() {
    int rate = memory[A] & A_RATE;
    if (rate == 0 || dividerIsReset()) {
      return 0;
    }
    return rate < 3 ? 256 >> (rate - 1) : 32_768 >> (rate - 1);
  }

  /** Brings the flags up to date. */
  private void collectEvents() {
    long now = clock.nowNanos();
    long hz = periodicHz();
    if (hz != 0
        && GuestClock.ticks(now + phaseNanos, hz) > GuestClock.ticks(seenNanos + phaseNanos, hz)) {
      flags |= PERIODIC;
    }
    if (!inhibited()) {
      long seen = wallSeconds(seenNanos);
      long wall = wallSeconds(now);
      if (wall > seen) {
        flags |= UPDATE;
        if ((flags & ALARM) == 0 && nextAlarm(seen) <= wall) {
          flags |= ALARM;
        }
      }
    }
    seenNanos = now;
  }

  /**
   * Returns the first second after {@code wall} at which the alarm goes off, or the end of time.
   */
  private long nextAlarm(long wall) {
    RtcFormat format = format();
    int seconds = memory[SECONDS_ALARM] & 0xFF;
    int minutes = memory[MINUTES_ALARM] & 0xFF;
    int hours = memory[HOURS_ALARM] & 0xFF;
    for (long second = wall + 1; second <= wall + DAY_SECONDS; second++) {
      int ofDay = Math.floorMod(second, DAY_SECONDS);
      if (RtcFormat.matches(seconds, format.encodeTime(SECONDS, ofDay))
          && RtcFormat.matches(minutes, format.encodeTime(MINUTES, ofDay))
          && RtcFormat.matches(hours, format.encodeTime(HOURS, ofDay))) {
        return second;
      }
    }
    return Long.MAX_VALUE;
  }

  private void drive() {
    lineAsserted = (flags & memory[B] & INTERRUPTS) != 0;
    line.set(lineAsserted);
  }

  /** Arms for the next event that interrupts and is not pending yet. */
  private void arm() {
    int wanted = memory[B] & INTERRUPTS & ~flags;
    long next = Long.MAX_VALUE;
    long hz = periodicHz();
    if ((wanted & PERIODIC) != 0 && hz != 0) {
      next = GuestClock.nanosAt(GuestClock.ticks(seenNanos + phaseNanos, hz) + 1, hz) - phaseNanos;
    }
    if (!inhibited()) {
      long seen = wallSeconds(seenNanos);
      if ((wanted & UPDATE) != 0) {
        next = Math.min(next, startOf(seen + 1));
      }
      if ((wanted & ALARM) != 0) {
        long second = nextAlarm(seen);
        next = second == Long.MAX_VALUE ? next : Math.min(next, startOf(second));
      }
    }
    if (next == Long.MAX_VALUE) {
      alarm.cancel();
    } else {
      alarm.arm(next);
    }
  }

  /** Returns the guest time at which a second of wall time starts. */
  private long startOf(long wall) {
    return (wall - baseSeconds) * SECOND_NANOS - phaseNanos;
  }

  /** Returns the whole state. */
  State save() {
    synchronized (lock) {
      long now = clock.nowNanos();
      return new State(
          index,
          memory.clone(),
          wallSeconds(now),
          subsecondNanos(now),
          flags,
          seenNanos,
          lineAsserted);
    }
  }

  /** Replaces the whole state and arms the alarm; drives nothing. */
  void restore(State state) {
    StateChecks.requirePast(state.seenNanos(), clock.nowNanos(), "rtc/0", "seen_nanos");
    synchronized (lock) {
      index = state.index();
      System.arraycopy(state.memory(), 0, memory, 0, BYTES);
      setWall(state.wallSeconds(), state.wallSubsecondNanos());
      flags = state.flags();
      seenNanos = state.seenNanos();
      lineAsserted = state.lineAsserted();
      wire.restoreLegacy(lineAsserted);
      arm();
    }
  }
}
