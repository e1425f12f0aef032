package dev.godwit.boot;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What a machine boots.
 *
 * @param kernel a bzImage, a vmlinux as an ELF file, or a Multiboot kernel
 * @param initrd the initial RAM disk, if any
 * @param commandLine the kernel's command line
 */
public record BootImage(Path kernel, Optional<Path> initrd, String commandLine) {}
