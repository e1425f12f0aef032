package dev.godwit.platform;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.PortBus;

/**
 * The PC's pair of 8259A controllers, the slave on the master's input 2, with edge/level control
 * registers. Its output is the wire to LINT0 of the boot processor.
 *
 * <p>Threads: any. Its lock is taken after a device's and before a local APIC's.
 */
final class Pic {
  /**
   * Everything both chips remember.
   *
   * @param master IRQ 0–7
   * @param slave IRQ 8–15
   */
  record State(PicChip.State master, PicChip.State slave) {}

  private final Object lock = new Object();
  private final PicChip master = new PicChip(true);
  private final PicChip slave = new PicChip(false);
  private final InterruptLine output;

  /**
   * @param output the wire to the processor; driven under this device's lock
   */
  Pic(InterruptLine output) {
    this.output = output;
  }

  /** Takes its ports. */
  void attach(PortBus io) {
    io.map(AddressMap.PIC_MASTER_PORT, 2, "pic", new ChipPorts(master));
    io.map(AddressMap.PIC_SLAVE_PORT, 2, "pic", new ChipPorts(slave));
    io.map(AddressMap.PIC_ELCR_PORT, 2, "pic", new ElcrPorts());
  }

  /** Drives IRQ 0–15; IRQ 2 is the cascade and has no wire. */
  void setIrq(int irq, boolean asserted) {
    synchronized (lock) {
      PicChip chip = irq < 8 ? master : slave;
      chip.setLine(irq & 7, asserted);
      update();
    }
  }

  /** Says whether a request of IRQ 0–15 waits that is not masked. */
  boolean isPending(int irq) {
    synchronized (lock) {
      return (irq < 8 ? master : slave).isPending(irq & 7);
    }
  }

  /**
   * Runs the processor's interrupt acknowledge cycle and returns the vector; 7 or 15 of a chip if
   * nothing is there.
   */
  int acknowledge() {
    synchronized (lock) {
      int input = master.acknowledge();
      int vector =
          input == PicChip.CASCADE ? slave.vector(slave.acknowledge()) : master.vector(input);
      update();
      return vector;
    }
  }

  private void update() {
    master.setLine(PicChip.CASCADE, slave.interrupts());
    output.set(master.interrupts());
  }

  /** Command and data port of one chip. */
  private final class ChipPorts implements BytePorts {
    private final PicChip chip;

    private ChipPorts(PicChip chip) {
      this.chip = chip;
    }

    @Override
    public int readByte(int port) {
      synchronized (lock) {
        int value = (port & 1) == 0 ? chip.readCommand() : chip.readData();
        update();
        return value;
      }
    }

    @Override
    public void writeByte(int port, int value) {
      synchronized (lock) {
        if ((port & 1) == 0) {
          chip.writeCommand(value);
        } else {
          chip.writeData(value);
        }
        update();
      }
    }
  }

  private final class ElcrPorts implements BytePorts {
    @Override
    public int readByte(int port) {
      synchronized (lock) {
        return (port & 1) == 0 ? master.elcr() : slave.elcr();
      }
    }

    @Override
    public void writeByte(int port, int value) {
      synchronized (lock) {
        ((port & 1) == 0 ? master : slave).setElcr(value);
        update();
      }
    }
  }

  /** Returns the whole state. */
  State save() {
    synchronized (lock) {
      return new State(master.save(), slave.save());
    }
  }

  /** Replaces the whole state; drives nothing. */
  void restore(State state) {
    synchronized (lock) {
      master.restore(state.master());
      slave.restore(state.slave());
    }
  }
}
