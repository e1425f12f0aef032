package dev.godwit.cpu;

/** A way to execute guest instructions. One instance a machine. */
public interface CpuEngine extends AutoCloseable {
  /** Returns the name that users give: {@code soft} or {@code kvm}. */
  String name();

  /**
   * Makes a vCPU in reset state: index 0 ready to run, others waiting for SIPI.
   *
   * @param index 0-based; also its initial APIC id
   */
  Vcpu createVcpu(int index, VcpuPorts ports);

  @Override
  void close();
}
