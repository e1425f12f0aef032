package dev.godwit.boot;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What a machine boots.
 *
 * @param kernel what {@code format} says
 * @param format what is to be made of the kernel's file
 * @param initrd the initial RAM disk, if any
 * @param commandLine the kernel's command line
 */
public record BootImage(Path kernel, Format format, Optional<Path> initrd, String commandLine) {
  /** How a kernel's file is read. */
  public enum Format {
    /** By what it says of itself: a bzImage, a vmlinux as an ELF file, or a Multiboot kernel. */
    AUTO,
    /**
     * Not at all: all of it goes to {@link dev.godwit.bus.AddressMap#KERNEL_GPA} and is entered at
     * its first byte, in the state of a Multiboot kernel. Any file is such an image, so one must be
     * asked for.
     */
    FLAT
  }

  /** A kernel that says what it is. */
  public BootImage(Path kernel, Optional<Path> initrd, String commandLine) {
    this(kernel, Format.AUTO, initrd, commandLine);
  }
}
