package dev.godwit.platform;

/**
 * An interrupt on its way to local APICs.
 *
 * @param mode what it does there
 * @param vector 0–255
 * @param logical whether {@code destination} is a logical one
 * @param destination xAPIC destination, 0–255; 255 is everybody
 * @param level level-triggered: the end of interrupt is broadcast
 */
record InterruptMessage(
    DeliveryMode mode, int vector, boolean logical, int destination, boolean level) {
  /** The physical destination that means every local APIC. */
  static final int BROADCAST = 0xFF;

  /**
   * A write to the MSI window (SDM vol. 3A 11.11): destination and modes in the address, the rest
   * in the data.
   */
  static InterruptMessage ofMsi(long address, int data) {
    boolean redirectionHint = (address & 8) != 0;
    DeliveryMode mode = DeliveryMode.of(data);
    if (redirectionHint && mode == DeliveryMode.FIXED) {
      mode = DeliveryMode.LOWEST_PRIORITY;
    }
    return new InterruptMessage(
        mode, data & 0xFF, (address & 4) != 0, (int) (address >>> 12) & 0xFF, (data & 0x8000) != 0);
  }

  /**
   * Says whether the destination names a local APIC (SDM vol. 3A 11.6.2).
   *
   * @param id its xAPIC ID
   * @param ldr its logical destination register
   * @param dfr its destination format register: flat or cluster model
   */
  boolean addresses(int id, int ldr, int dfr) {
    if (destination == BROADCAST) {
      return true;
    }
    if (!logical) {
      return destination == id;
    }
    int logicalId = ldr >>> 24;
    if (dfr == LapicRegisters.DFR_FLAT) {
      return (logicalId & destination) != 0;
    }
    boolean sameCluster = (logicalId ^ destination) >>> 4 == 0;
    return sameCluster && (logicalId & destination & 0xF) != 0;
  }
}
