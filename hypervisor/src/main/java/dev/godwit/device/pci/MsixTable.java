package dev.godwit.device.pci;

import java.util.BitSet;
import java.util.List;

/**
 * What moves with a machine of an MSI-X capability, beside its part of the configuration space.
 *
 * @param entries one for each vector
 * @param pending the vectors that wait to be unmasked
 */
record MsixTable(List<Entry> entries, BitSet pending) {
  /**
   * A vector's message.
   *
   * @param address where it is written, a multiple of 4
   * @param data what is written
   * @param masked whether it waits
   */
  record Entry(long address, int data, boolean masked) {}
}
