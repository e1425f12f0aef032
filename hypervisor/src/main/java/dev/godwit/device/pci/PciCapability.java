package dev.godwit.device.pci;

/** An entry of a function's capability list (PCI 3.0 §6.7): part of a function by composition. */
interface PciCapability {
  /** Returns the capability id. */
  int id();

  /** Returns how many bytes of configuration space it takes, id and next pointer included. */
  int lengthBytes();

  /**
   * Declares its registers but for id and next pointer, which are at {@code offset}. Called once.
   */
  void declare(ConfigSpace config, int offset);

  /**
   * Acts on a write to the configuration space by the guest. Called with the function's lock held.
   */
  void configChanged();

  /** Says whether the interrupt pin is silent because of it. */
  boolean replacesPin();

  /** Forgets what is not in the configuration space. */
  void reset();
}
