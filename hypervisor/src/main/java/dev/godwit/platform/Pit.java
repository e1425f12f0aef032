package dev.godwit.platform;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import java.util.List;

/**
 * The 8254 interval timer and system control port B. Channel 0 drives IRQ 0: high but for a moment
 * before each rising edge, however long the output is low. Channel 2's gate and output are in port
 * 0x61.
 *
 * <p>Threads: any.
 */
final class Pit implements BytePorts {
  private static final int CHANNELS = 3;
  private static final int CONTROL_PORT = AddressMap.PIT_PORT + 3;

  /** Channel 0 interrupts at most this often; edges in between coalesce. */
  private static final long MIN_PERIOD_NANOS = 50_000;

  /** Half a period of the refresh request bit in port 0x61. */
  private static final long REFRESH_NANOS = 15_085;

  /**
   * Everything it remembers.
   *
   * @param channels three
   * @param speaker the speaker's data bit
   * @param nextEdgeNanos guest time of channel 0's next rising edge, or {@link PitChannel#NEVER}
   * @param lineAsserted level that channel 0 drives
   */
  record State(
      List<PitChannel.State> channels, boolean speaker, long nextEdgeNanos, boolean lineAsserted) {
    State {
      StateChecks.requireSize(channels, CHANNELS, "pit", "channels");
      if (nextEdgeNanos != PitChannel.NEVER) {
        StateChecks.requireNanos(nextEdgeNanos, "pit", "next_edge_nanos");
      }
      channels = List.copyOf(channels);
    }
  }

  private final Object lock = new Object();
  private final GuestClock clock;
  private final LegacySwitch wire;
  private final InterruptLine line;
  private final GuestClock.Timer alarm;
  private final List<PitChannel> channels;
  private final TickDebt debt = new TickDebt();
  private boolean speaker;
  private long nextEdgeNanos = PitChannel.NEVER;
  private boolean lineAsserted;

  /**
   * @param wire the way to IRQ 0
   */
  Pit(GuestClock clock, LegacySwitch wire) {
    this.clock = clock;
    this.wire = wire;
    this.line = wire.legacyInput();
    this.alarm = clock.timer("pit", this::edgeAlarm);
    this.channels =
        List.of(
            new PitChannel(clock, true), new PitChannel(clock, true), new PitChannel(clock, false));
    drive(channels.get(0).output());
  }

  /** Takes its ports. */
  void attach(PortBus io) {
    io.map(AddressMap.PIT_PORT, 4, "pit", this);
    io.map(AddressMap.NMI_STATUS_PORT, 1, "pit", this);
  }

  @Override
  public int readByte(int port) {
    synchronized (lock) {
      if (port == AddressMap.NMI_STATUS_PORT) {
        return readControlPortB();
      }
      int index = port - AddressMap.PIT_PORT;
      return index >= 0 && index < CHANNELS ? channels.get(index).read() : 0xFF;
    }
  }

  @Override
  public void writeByte(int port, int value) {
    synchronized (lock) {
      if (port == AddressMap.NMI_STATUS_PORT) {
        channels.get(2).setGate((value & 1) != 0);
        speaker = (value & 2) != 0;
      } else if (port == CONTROL_PORT) {
        control(value);
      } else {
        int index = port - AddressMap.PIT_PORT;
        if (index >= 0 && index < CHANNELS && channels.get(index).write(value) && index == 0) {
          restartChannel0();
        }
      }
    }
  }

  private int readControlPortB() {
    PitChannel channel = channels.get(2);
    boolean refresh = (clock.nowNanos() / REFRESH_NANOS & 1) != 0;
    return (channel.gate() ? 0x01 : 0)
        | (speaker ? 0x02 : 0)
        | (refresh ? 0x10 : 0)
        | (channel.output() ? 0x20 : 0);
  }

  private void control(int word) {
    int index = word >>> 6;
    if (index == CHANNELS) {
      for (int i = 0; i < CHANNELS; i++) {
        if ((word >>> (i + 1) & 1) != 0) {
          readBack(channels.get(i), word);
        }
      }
    } else if ((word & 0x30) == 0) {
      channels.get(index).latchCount();
    } else {
      channels.get(index).control(word);
      if (index == 0) {
        restartChannel0();
      }
    }
  }

  /** Read-back command: bits 5 and 4 are active low. */
  private static void readBack(PitChannel channel, int word) {
    if ((word & 0x20) == 0) {
      channel.latchCount();
    }
    if ((word & 0x10) == 0) {
      channel.latchStatus();
    }
  }

  private void restartChannel0() {
    debt.clear();
    drive(channels.get(0).output());
    nextEdgeNanos = channels.get(0).nextRiseNanos(clock.nowNanos());
    arm();
  }

  private void edgeAlarm() {
    synchronized (lock) {
      long now = clock.nowNanos();
      if (nextEdgeNanos != PitChannel.NEVER && now >= nextEdgeNanos) {
        debt.add(1 + channels.get(0).risesBetween(nextEdgeNanos, now));
        nextEdgeNanos = channels.get(0).nextRiseNanos(now + MIN_PERIOD_NANOS);
      }
      arm();
      deliver(now);
    }
  }

  /** Sends an edge that is owed if the guest has taken the last one; else the next edge tries. */
  private void deliver(long now) {
    if (!debt.any() || line.pending()) {
      return;
    }
    debt.pay();
    drive(false);
    drive(true);
    if (debt.any()) {
      long soon = now + TickDebt.PACE_NANOS;
      alarm.arm(nextEdgeNanos == PitChannel.NEVER ? soon : Math.min(nextEdgeNanos, soon));
    }
  }

  private void drive(boolean asserted) {
    lineAsserted = asserted;
    line.set(asserted);
  }

  private void arm() {
    if (nextEdgeNanos == PitChannel.NEVER) {
      alarm.cancel();
    } else {
      alarm.arm(nextEdgeNanos);
    }
  }

  /** Returns the whole state. */
  State save() {
    synchronized (lock) {
      return new State(
          channels.stream().map(PitChannel::save).toList(), speaker, nextEdgeNanos, lineAsserted);
    }
  }

  /** Replaces the whole state and arms the alarm; drives nothing. */
  void restore(State state) {
    long now = clock.nowNanos();
    for (PitChannel.State channel : state.channels()) {
      StateChecks.requirePast(channel.startNanos(), now, "pit/0", "start_nanos");
    }
    synchronized (lock) {
      for (int i = 0; i < CHANNELS; i++) {
        channels.get(i).restore(state.channels().get(i));
      }
      speaker = state.speaker();
      nextEdgeNanos = state.nextEdgeNanos();
      lineAsserted = state.lineAsserted();
      debt.clear();
      wire.restoreLegacy(lineAsserted);
      arm();
    }
  }
}
