package dev.godwit.snapshot;

/** Where in the stream a section stands; the order of the constants is the order of the stream. */
public enum SectionGroup {
  /** Emulated devices, in bus order. */
  DEVICES,
  /** Platform devices and vCPUs: what bhyve calls kernel structs. */
  KERNEL
}
