package dev.godwit.guest;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DebArchiveTest {
  @TempDir private Path folder;
  private Path deb;

  @BeforeEach
  void makePackage() throws IOException {
    Path log = Files.createDirectory(folder.resolve("log"));
    deb = new FakePackages(log).fetch(FakePackages.KERNEL_PACKAGE, folder).file();
  }

  @Test
  void findsAFileByItsPath() {
    DebArchive.Entry found =
        DebArchive.find(deb, path -> path.startsWith("boot/vmlinuz-")).orElseThrow();

    assertEquals("boot/vmlinuz-9.9.0-1-cloud-amd64", found.path());
    assertEquals(FakePackages.KERNEL_CONTENT, new String(found.content(), US_ASCII));
  }

  @Test
  void findsAFileWhosePathIsLongerThanATarHeaderHolds() {
    DebArchive.Entry found = DebArchive.find(deb, path -> path.endsWith("/x.ko")).orElseThrow();

    assertEquals("lib/modules/" + "long/".repeat(30) + "x.ko", found.path());
    assertEquals("a module", new String(found.content(), US_ASCII));
  }

  @Test
  void findsNothingThatIsNotThere() {
    assertTrue(DebArchive.find(deb, path -> path.equals("boot")).isEmpty());
  }

  @Test
  void refusesAPackageThatIsCutShort() throws IOException {
    byte[] whole = Files.readAllBytes(deb);
    Files.write(deb, Arrays.copyOf(whole, whole.length - 200));

    GuestException refused =
        assertThrows(GuestException.class, () -> DebArchive.find(deb, path -> false));

    assertEquals(GuestException.Code.BAD_PACKAGE, refused.code());
    assertTrue(refused.toString().contains(deb.toString()));
  }
}
