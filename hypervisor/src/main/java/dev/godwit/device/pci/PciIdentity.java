package dev.godwit.device.pci;

/**
 * How a function presents itself.
 *
 * @param vendor vendor id
 * @param device device id
 * @param classCode base class, subclass and programming interface, 24 bits
 * @param revision revision id
 * @param subsystemVendor subsystem vendor id
 * @param subsystem subsystem id
 */
public record PciIdentity(
    int vendor, int device, int classCode, int revision, int subsystemVendor, int subsystem) {}
