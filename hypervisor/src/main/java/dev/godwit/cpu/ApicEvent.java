package dev.godwit.cpu;

/** What a local APIC asks of its vCPU beside maskable interrupts. */
public sealed interface ApicEvent {
  /** Nothing pending. */
  record None() implements ApicEvent {}

  /** Non-maskable interrupt. */
  record Nmi() implements ApicEvent {}

  /** Back to reset state, waiting for SIPI (a boot processor: running from the reset vector). */
  record Init() implements ApicEvent {}

  /**
   * Start-up.
   *
   * @param vector the page number at which execution starts in real mode
   */
  record Sipi(int vector) implements ApicEvent {}
}
