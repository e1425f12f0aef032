package dev.godwit.guest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AssetStoreTest {
  @TempDir private Path temporary;
  private Path folder;
  private FakePackages packages;
  private final List<String> steps = new ArrayList<>();

  @BeforeEach
  void makeFolders() throws IOException {
    folder = temporary.resolve("cache/guest");
    packages = new FakePackages(Files.createDirectory(temporary.resolve("log")));
  }

  @Test
  void makesKernelAndInitramfsFromThePackages() throws IOException {
    GuestAssets assets = prepare();

    assertEquals("9.9.0-1-cloud-amd64", assets.kernelVersion());
    assertEquals(FakePackages.KERNEL_CONTENT, Files.readString(assets.kernel()));
    String initrd = new String(Files.readAllBytes(assets.initrd()), UTF_8);
    assertTrue(initrd.startsWith("070701"));
    assertTrue(initrd.contains("bin/godwit-guest"));
    assertTrue(initrd.contains("a button's module"));
    assertTrue(Files.isRegularFile(assets.kernelPackage()));
  }

  @Test
  void fetchesNothingTheSecondTime() throws IOException {
    GuestAssets first = prepare();
    int fetched = packages.fetches();
    steps.clear();

    assertEquals(first, prepare());

    assertEquals(2, fetched);
    assertEquals(fetched, packages.fetches());
    assertEquals(List.of(), steps);
  }

  @Test
  void takesOneFileOutOfAPackageAndFetchesItOnce() throws IOException {
    Pattern path = Pattern.compile("bin/busybox");
    AssetStore store = new AssetStore(folder, packages, steps::add);

    Path file = store.prepareFile("busybox-static", path);

    assertEquals("busybox", file.getFileName().toString());
    assertTrue(Files.readString(file).startsWith("#!/bin/sh"));
    assertEquals(file, store.prepareFile("busybox-static", path));
    assertEquals(1, packages.fetches());
  }

  @Test
  void namesADamagedKernelAndTakesItFromTheCachedPackage() throws IOException {
    GuestAssets assets = prepare();
    flipLastByte(assets.kernel());

    prepare();

    assertEquals(FakePackages.KERNEL_CONTENT, Files.readString(assets.kernel()));
    assertTrue(saidSomethingAbout(assets.kernel().getFileName() + " is damaged"), steps.toString());
    assertEquals(2, packages.fetches());
  }

  @Test
  void fetchesAgainWhenKernelAndPackageAreDamaged() throws IOException {
    GuestAssets assets = prepare();
    flipLastByte(assets.kernel());
    flipLastByte(assets.kernelPackage());

    prepare();

    assertEquals(FakePackages.KERNEL_CONTENT, Files.readString(assets.kernel()));
    assertTrue(
        saidSomethingAbout(assets.kernelPackage().getFileName() + " is damaged"), steps.toString());
    assertEquals(3, packages.fetches());
  }

  @Test
  void makesADamagedInitramfsAnew() throws IOException {
    GuestAssets assets = prepare();
    byte[] before = Files.readAllBytes(assets.initrd());
    flipLastByte(assets.initrd());

    prepare();

    assertArrayEquals(before, Files.readAllBytes(assets.initrd()));
  }

  @Test
  void makesALostGuestProgramAnew() throws IOException {
    prepare();
    Files.delete(folder.resolve("godwit-guest"));

    prepare();

    assertTrue(Files.isExecutable(folder.resolve("godwit-guest")));
    assertTrue(saidSomethingAbout("godwit-guest is gone"), steps.toString());
  }

  @Test
  void startsAnewFromAManifestThatIsNotOne() throws IOException {
    prepare();
    Files.writeString(folder.resolve(AssetManifest.FILE), "{");

    prepare();

    assertEquals(4, packages.fetches());
    assertTrue(AssetManifest.read(folder).isPresent());
  }

  @Test
  void believesNoManifestThatLacksSomething() throws IOException {
    Files.createDirectories(folder);
    for (String bad :
        List.of(
            "",
            "[]",
            "{\"format\": 99}",
            "{\"format\": 1}",
            "{\"format\": 1, \"kernelVersion\": \"6\", \"packages\": {}, \"assets\": {\"KERNEL\":"
                + " null}}",
            "{\"format\": 1, \"kernelVersion\": \"6\", \"packages\": {}, \"assets\": {\"KERNEL\":"
                + " {}}}")) {
      Files.writeString(folder.resolve(AssetManifest.FILE), bad);

      assertTrue(AssetManifest.read(folder).isEmpty(), bad);
    }
  }

  @Test
  void keepsWhatWasFetchedWhenALaterStepFails() throws IOException {
    PackageSource withoutBusybox =
        new PackageSource() {
          @Override
          public String resolve(String metaPackage, String prefix) {
            return packages.resolve(metaPackage, prefix);
          }

          @Override
          public DebianPackage fetch(String name, Path into) {
            if (!name.equals(FakePackages.KERNEL_PACKAGE)) {
              throw new GuestException(GuestException.Code.DOWNLOAD_FAILED, "the network is gone");
            }
            return packages.fetch(name, into);
          }
        };
    AssetStore store = new AssetStore(folder, withoutBusybox, Progress.SILENT);
    assertThrows(GuestException.class, () -> store.prepare("linux-image-cloud-amd64"));

    prepare();

    assertEquals(2, packages.fetches());
  }

  @Test
  void believesNoManifestThatPointsOutsideTheCache() throws IOException {
    prepare();
    Path manifest = folder.resolve(AssetManifest.FILE);
    String text = Files.readString(manifest);
    Files.writeString(
        manifest, text.replace("\"vmlinuz-9.9.0-1-cloud-amd64\"", "\"../../stolen\""));

    assertTrue(AssetManifest.read(folder).isEmpty());
  }

  @Test
  void repairsWhatADeadProcessLeft() throws IOException {
    prepare();
    Files.delete(folder.resolve(AssetManifest.FILE));
    Files.createDirectories(folder.resolve("work/tree/x"));
    Files.writeString(folder.resolve("work/half.deb"), "half");

    GuestAssets assets = prepare();

    assertEquals(FakePackages.KERNEL_CONTENT, Files.readString(assets.kernel()));
    assertFalse(Files.exists(folder.resolve("work")));
  }

  @Test
  void twoProcessesAtOnceFetchOnce() throws Exception {
    Process one = otherProcess();
    Process two = otherProcess();

    String said =
        new String(one.getInputStream().readAllBytes(), UTF_8)
            + new String(two.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, one.waitFor(), said);
    assertEquals(0, two.waitFor(), said);
    assertEquals(2, packages.fetches());
    prepare();
    assertEquals(2, packages.fetches());
  }

  private GuestAssets prepare() {
    return new AssetStore(folder, packages, steps::add).prepare("linux-image-cloud-amd64");
  }

  private boolean saidSomethingAbout(String text) {
    return steps.stream().anyMatch(step -> step.contains(text));
  }

  private Process otherProcess() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            OtherProcess.class.getName(),
            folder.toString(),
            temporary.resolve("log").toString())
        .redirectErrorStream(true)
        .start();
  }

  private static void flipLastByte(Path file) throws IOException {
    byte[] content = Files.readAllBytes(file);
    content[content.length - 1] ^= 1;
    Files.write(file, content);
  }

  /** Prepares the same folder in a process of its own. */
  static final class OtherProcess {
    private OtherProcess() {}

    public static void main(String[] args) {
      new AssetStore(Path.of(args[0]), new FakePackages(Path.of(args[1])), System.out::println)
          .prepare("linux-image-cloud-amd64");
    }
  }
}
