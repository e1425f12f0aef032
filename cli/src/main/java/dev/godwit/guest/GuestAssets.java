package dev.godwit.guest;

import java.nio.file.Path;

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

  /**
   * Returns the assets from the user's cache, after checking them; what is missing, damaged or
   * outdated is fetched or built first. Takes the network only for that. Blocks; several processes
   * may do it at once.
   *
   * @param progress hears what is being done
   * @throws GuestException if they cannot be had
   */
  public static GuestAssets prepare(Progress progress) {
    Path folder = defaultFolder();
    return new AssetStore(folder, new AptPackageSource(folder.resolve("apt"), progress), progress)
        .prepare();
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
