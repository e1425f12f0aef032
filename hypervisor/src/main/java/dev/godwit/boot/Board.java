package dev.godwit.boot;

/**
 * What differs from machine to machine in what its tables say.
 *
 * @param vcpus 1 to {@link AcpiTables#MAX_VCPUS}; their APIC ids are 0, 1, 2 …
 * @param comPorts how many of COM1 and COM2 there are
 */
public record Board(int vcpus, int comPorts) {
  /** Checks the numbers. */
  public Board {
    if (vcpus < 1 || vcpus > AcpiTables.MAX_VCPUS || comPorts < 0 || comPorts > 2) {
      throw new IllegalArgumentException(vcpus + " vCPUs, " + comPorts + " COM ports");
    }
  }
}
