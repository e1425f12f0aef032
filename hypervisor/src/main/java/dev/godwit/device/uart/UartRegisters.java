package dev.godwit.device.uart;

/** Offsets and bits of the 16550A's registers (National Semiconductor PC16550D, section 8). */
final class UartRegisters {
  /** Ports that a UART takes. */
  static final int PORTS = 8;

  /** Receive buffer (read), transmit holding (write); divisor low with DLAB. */
  static final int DATA = 0;

  /** Interrupt enable; divisor high with DLAB. */
  static final int IER = 1;

  /** Interrupt identification (read), FIFO control (write). */
  static final int IIR_FCR = 2;

  static final int LCR = 3;
  static final int MCR = 4;
  static final int LSR = 5;
  static final int MSR = 6;
  static final int SCRATCH = 7;

  static final int IER_RECEIVED = 0x01;
  static final int IER_TRANSMITTER_EMPTY = 0x02;
  static final int IER_LINE_STATUS = 0x04;
  static final int IER_MODEM_STATUS = 0x08;
  static final int IER_BITS = 0x0F;

  static final int IIR_MODEM_STATUS = 0x00;
  static final int IIR_NONE = 0x01;
  static final int IIR_TRANSMITTER_EMPTY = 0x02;
  static final int IIR_RECEIVED = 0x04;
  static final int IIR_LINE_STATUS = 0x06;
  static final int IIR_TIMEOUT = 0x0C;
  static final int IIR_FIFO_ON = 0xC0;

  static final int FCR_ENABLE = 0x01;
  static final int FCR_CLEAR_RECEIVER = 0x02;
  static final int FCR_DMA = 0x08;
  static final int FCR_TRIGGER = 0xC0;

  /** What stays of a write to FCR; the clear bits act once. */
  static final int FCR_KEPT_BITS = FCR_ENABLE | FCR_DMA | FCR_TRIGGER;

  static final int LCR_WORD_LENGTH = 0x03;
  static final int LCR_TWO_STOP_BITS = 0x04;
  static final int LCR_PARITY = 0x08;
  static final int LCR_DLAB = 0x80;

  static final int MCR_DTR = 0x01;
  static final int MCR_RTS = 0x02;
  static final int MCR_OUT1 = 0x04;
  static final int MCR_OUT2 = 0x08;
  static final int MCR_LOOP = 0x10;
  static final int MCR_BITS = 0x1F;

  static final int LSR_DATA_READY = 0x01;
  static final int LSR_OVERRUN = 0x02;
  static final int LSR_ERRORS = 0x1E;
  static final int LSR_HOLDING_EMPTY = 0x20;
  static final int LSR_TRANSMITTER_EMPTY = 0x40;

  static final int MSR_CHANGES = 0x0F;
  static final int MSR_RING_ENDED = 0x04;
  static final int MSR_CTS = 0x10;
  static final int MSR_DSR = 0x20;
  static final int MSR_RING = 0x40;
  static final int MSR_DCD = 0x80;

  /** Bytes of the receive FIFO. */
  static final int FIFO_BYTES = 16;

  /** The fastest rate of a PC's UART, divisor 1. */
  static final long BASE_BAUD = 115_200;

  private static final int[] TRIGGER_BYTES = {1, 4, 8, 14};

  /** Returns how many bytes make a full report, by FCR. */
  static int triggerBytes(int fcr) {
    return (fcr & FCR_ENABLE) == 0 ? 1 : TRIGGER_BYTES[fcr >> 6 & 3];
  }

  /**
   * Returns how long one character takes on a wire of {@link #BASE_BAUD}, start and stop bits
   * included.
   */
  static long characterNanos(int lcr) {
    int bits = 1 + 5 + (lcr & LCR_WORD_LENGTH) + 1;
    bits += (lcr & LCR_TWO_STOP_BITS) != 0 ? 1 : 0;
    bits += (lcr & LCR_PARITY) != 0 ? 1 : 0;
    return bits * 1_000_000_000L / BASE_BAUD;
  }

  private UartRegisters() {}
}
