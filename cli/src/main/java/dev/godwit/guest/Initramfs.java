package dev.godwit.guest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The root file system that the guest starts from: busybox, a link for each of its applets, the
 * guest program, which is also {@code /init}, and the kernel's module for the power button.
 *
 * <p>Not compressed: the guest's CPU would pay for it, and 2 MB is little.
 */
final class Initramfs {
  /**
   * Changes whenever {@link #build} makes something else of the same inputs, so that cached ones
   * are made anew.
   */
  static final int LAYOUT_VERSION = 2;

  private static final int EXECUTABLE = 0755;

  /** Character device numbers, from the kernel's admin-guide/devices. */
  private static final int MEMORY_DEVICES = 1;

  private static final int TERMINAL_ALTERNATES = 5;
  private static final int TERMINALS = 4;
  private static final int FIRST_SERIAL_TERMINAL = 64;

  private Initramfs() {}

  /**
   * Returns the archive.
   *
   * @param busybox the static busybox
   * @param applets its applets' names
   * @param guestProgram the static guest program
   * @param buttonModule the kernel's module for ACPI buttons, which the guest program loads
   */
  static byte[] build(
      byte[] busybox, List<String> applets, byte[] guestProgram, byte[] buttonModule)
      throws IOException {
    ByteArrayOutputStream bytes =
        new ByteArrayOutputStream(busybox.length + guestProgram.length + (1 << 17));
    try (CpioWriter cpio = new CpioWriter(bytes)) {
      for (String folder :
          List.of(
              "bin",
              "dev",
              "etc",
              "lib",
              "lib/modules",
              "mnt",
              "proc",
              "sys",
              "usr",
              "usr/bin",
              "usr/sbin")) {
        cpio.folder(folder, EXECUTABLE);
      }
      cpio.symlink("sbin", "bin");
      cpio.folder("root", 0700);
      cpio.folder("tmp", 01777);
      // The kernel opens /dev/console for init before init can mount anything.
      cpio.characterDevice("dev/console", 0600, TERMINAL_ALTERNATES, 1);
      cpio.characterDevice("dev/ttyS0", 0600, TERMINALS, FIRST_SERIAL_TERMINAL);
      cpio.characterDevice("dev/null", 0666, MEMORY_DEVICES, 3);
      cpio.file("etc/passwd", 0644, ascii("root:x:0:0:root:/root:/bin/sh\n"));
      cpio.file("etc/group", 0644, ascii("root:x:0:\n"));
      cpio.file("bin/busybox", EXECUTABLE, busybox);
      for (String applet : applets) {
        if (!applet.equals("busybox")) {
          cpio.symlink("bin/" + applet, "busybox");
        }
      }
      cpio.file("bin/godwit-guest", EXECUTABLE, guestProgram);
      cpio.file("lib/modules/button.ko", 0644, buttonModule);
      cpio.symlink("init", "bin/godwit-guest");
    }
    return bytes.toByteArray();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
