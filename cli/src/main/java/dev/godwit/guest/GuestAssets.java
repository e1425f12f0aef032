package dev.godwit.guest;

import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * A guest to boot: the stock kernel, and an initramfs with busybox and the project's guest program.
 * What the guest does and prints is in docs/guest.md.
 *
 * <p>The files are in the cache and must not be changed; whoever prepares the assets next checks
 * them against the manifest.
 *
 * @param kernel the kernel as Debian ships it, a bzImage
 * @param initrd the initramfs, an uncompressed cpio archive
 * @param kernelVersion what {@code uname -r} says in the guest
 * @param kernelPackage the kernel's Debian package, which has the modules of this kernel
 */
public record GuestAssets(Path kernel, Path initrd, String kernelVersion, Path kernelPackage) {
  private static final Pattern MEMTEST_PATH = Pattern.compile("boot/memtest86\\+x64\\.bin");

  /** Debian's kernels for this machine. */
  public enum Flavour {
    /** The one for virtual machines. */
    CLOUD("linux-image-cloud-amd64", "."),
    /** The one for every PC: five times as large a package. */
    GENERIC("linux-image-amd64", "generic");

    private final String metaPackage;
    private final String folder;

    Flavour(String metaPackage, String folder) {
      this.metaPackage = metaPackage;
      this.folder = folder;
    }
  }

  /**
   * Returns the assets from the user's cache, after checking them; what is missing, damaged or
   * outdated is fetched or built first. Takes the network only for that. Blocks; several processes
   * may do it at once.
   *
   * @param progress hears what is being done
   * @throws GuestException if they cannot be had
   */
  public static GuestAssets prepare(Progress progress) {
    return prepare(Flavour.CLOUD, progress);
  }

  /** As above with another kernel; the others are not fetched. */
  public static GuestAssets prepare(Flavour flavour, Progress progress) {
    return store(flavour.folder, progress).prepare(flavour.metaPackage);
  }

  /**
   * Returns Debian's {@code memtest86+} for 64-bit PCs, a bzImage, in the same way.
   *
   * @throws GuestException if it cannot be had
   */
  public static Path prepareMemtest(Progress progress) {
    return store("memtest", progress).prepareFile("memtest86+", MEMTEST_PATH);
  }

  private static AssetStore store(String name, Progress progress) {
    Path folder = defaultFolder().resolve(name).normalize();
    return new AssetStore(folder, new AptPackageSource(folder.resolve("apt"), progress), progress);
  }

  /** Returns {@code $XDG_CACHE_HOME/godwit/guest}, or the same in {@code ~/.cache}. */
  public static Path defaultFolder() {
    String cacheHome = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
    // The XDG base directory specification: a relative path is to be ignored.
    Path cache =
        cacheHome.startsWith("/")
            ? Path.of(cacheHome)
            : Path.of(System.getProperty("user.home"), ".cache");
    return cache.resolve("godwit").resolve("guest");
  }
}
