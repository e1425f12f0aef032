package dev.godwit.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against the package sources of this machine. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
final class AptPackageSourceTest {
  @TempDir private Path folder;
  private final List<String> steps = new ArrayList<>();

  @Test
  void resolvesTheKernelThatTheMetaPackageStandsFor() {
    String name = source().resolve("linux-image-cloud-amd64", "linux-image-");

    assertTrue(name.matches("linux-image-[0-9].*-cloud-amd64"), name);
  }

  @Test
  void namesAPackageThatNoSourceHas() {
    GuestException refused =
        assertThrows(
            GuestException.class, () -> source().fetch("no-such-package-of-godwit", folder));

    assertEquals(GuestException.Code.PACKAGE_NOT_FOUND, refused.code());
    assertTrue(refused.toString().contains("no-such-package-of-godwit"));
  }

  @Test
  void refusesAFileThatIsNotTheOneOfTheIndex() throws IOException {
    Path deb = Files.writeString(folder.resolve("x_1_amd64.deb"), "not what the index says");

    GuestException refused =
        assertThrows(
            GuestException.class, () -> AptPackageSource.checked("x", "1", "0".repeat(64), deb));

    assertEquals(GuestException.Code.HASH_MISMATCH, refused.code());
  }

  private AptPackageSource source() {
    return new AptPackageSource(folder.resolve("apt"), steps::add);
  }
}
