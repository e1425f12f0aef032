package dev.godwit.cpu;

import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.memory.GuestMemory;

/**
 * Everything that a vCPU is wired to.
 *
 * @param memory the machine's RAM
 * @param io I/O ports
 * @param mmio what is neither RAM nor the local APIC's page
 * @param clock the source of RDTSC
 * @param apic this vCPU's local APIC
 * @param vcpus how many vCPUs the machine has, for CPUID
 * @param model what the vCPU is to look like, and what it has
 */
public record VcpuPorts(
    GuestMemory memory,
    PortBus io,
    MmioBus mmio,
    GuestClock clock,
    LocalApicPort apic,
    int vcpus,
    CpuModel model) {}
