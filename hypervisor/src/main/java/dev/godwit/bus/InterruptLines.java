package dev.godwit.bus;

/**
 * The machine's interrupt wires, by global system interrupt (GSI): 0–15 reach PIC and IOAPIC, 16–23
 * the IOAPIC.
 */
public interface InterruptLines {
  /** Returns the wire of a GSI. Several users of one wire are ORed by the caller that shares it. */
  InterruptLine line(int gsi);

  /**
   * Delivers a message-signalled interrupt: a write of {@code data} to {@code address} (SDM vol. 3A
   * 11.11).
   */
  void sendMsi(long address, int data);
}
