package dev.godwit.guest;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/**
 * A source of small packages, real ones as dpkg-deb builds them. Each fetch leaves a file in a log
 * folder, which other processes see too.
 */
final class FakePackages implements PackageSource {
  static final String KERNEL_PACKAGE = "linux-image-9.9.0-1-cloud-amd64";
  static final String KERNEL_CONTENT = "a kernel";

  private final Path log;

  FakePackages(Path log) {
    this.log = log;
  }

  @Override
  public String resolve(String metaPackage, String prefix) {
    assertTrue(KERNEL_PACKAGE.startsWith(prefix));
    return KERNEL_PACKAGE;
  }

  @Override
  public DebianPackage fetch(String name, Path folder) {
    try {
      Files.createTempFile(log, name, ".fetched");
      Path tree = folder.resolve("tree-" + name);
      write(
          tree.resolve("DEBIAN/control"),
          "Package: %s\nVersion: 1\nArchitecture: amd64\nMaintainer: test <t@example.org>\nDescription: test\n"
              .formatted(name));
      if (name.equals(KERNEL_PACKAGE)) {
        write(tree.resolve("boot/System.map-9.9.0-1-cloud-amd64"), "not the kernel");
        write(tree.resolve("boot/vmlinuz-9.9.0-1-cloud-amd64"), KERNEL_CONTENT);
        write(
            tree.resolve("lib/modules/9.9.0-1-cloud-amd64/kernel/drivers/acpi/button.ko"),
            "a button's module");
        write(tree.resolve("lib/modules/" + "long/".repeat(30) + "x.ko"), "a module");
      } else {
        Path busybox = tree.resolve("bin/busybox");
        write(busybox, "#!/bin/sh\nprintf 'sh\\nls\\n'\n");
        Files.setPosixFilePermissions(busybox, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
      Path deb = folder.resolve(name + "_1_amd64.deb");
      HostCommand.Result built =
          HostCommand.run(
              folder,
              List.of("dpkg-deb", "--root-owner-group", "-b", tree.toString(), deb.toString()));
      assertTrue(built.ok(), built.complaint());
      return new DebianPackage(name, "1", Sha256.of(deb), deb);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Returns how often packages were fetched, by any process. */
  int fetches() throws IOException {
    try (var files = Files.list(log)) {
      return (int) files.count();
    }
  }

  private static void write(Path file, String content) throws IOException {
    Files.createDirectories(file.getParent());
    Files.write(file, content.getBytes(US_ASCII));
  }
}
