package dev.godwit.guest;

import dev.godwit.guest.AssetManifest.AssetEntry;
import dev.godwit.guest.AssetManifest.PackageEntry;
import dev.godwit.guest.AssetManifest.Role;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The cache folder: packages, the files made of them, and a manifest of what each must be.
 *
 * <p>Every use checks the digests. A file that is missing or not what the manifest says is named
 * and made anew: from the cached package if that is still sound, else from a new download. The
 * manifest is written after what it names, so a folder that was left in the middle is repaired by
 * the next use.
 */
final class AssetStore {
  private static final String KERNEL_PACKAGE_PREFIX = "linux-image-";
  private static final String BUSYBOX_PACKAGE = "busybox-static";
  private static final Pattern KERNEL_PATH = Pattern.compile("boot/vmlinuz-([A-Za-z0-9.+~_-]+)");
  private static final Pattern BUTTON_MODULE_PATH =
      Pattern.compile("(?:usr/)?lib/modules/[^/]+/kernel/drivers/acpi/button\\.ko");
  private static final Pattern BUSYBOX_PATH = Pattern.compile("(usr/)?bin/busybox");
  private static final Pattern APPLET = Pattern.compile("[A-Za-z0-9_.\\[-]+");

  /** A file lock belongs to the process; this one keeps its threads apart. */
  private static final Object PROCESS_LOCK = new Object();

  private final Path folder;
  private final PackageSource source;
  private final Progress progress;

  /** What is done while no other process uses the folder. */
  private interface Work<T> {
    T in(Update update) throws IOException;
  }

  /**
   * @param folder the cache folder; made if it is missing
   * @param source where packages come from
   */
  AssetStore(Path folder, PackageSource source, Progress progress) {
    this.folder = folder;
    this.source = source;
    this.progress = progress;
  }

  /**
   * Returns the assets, all checked; makes what is missing, damaged or outdated.
   *
   * @param kernelMetaPackage the package that depends on the kernel's
   */
  GuestAssets prepare(String kernelMetaPackage) {
    return locked(
        update -> {
          update.kernel(kernelMetaPackage);
          update.save();
          update.busybox();
          update.save();
          update.guestProgram();
          update.initrd();
          update.save();
          return new GuestAssets(
              update.path(Role.KERNEL),
              update.path(Role.INITRD),
              update.kernelVersion,
              update.kernelPackage());
        });
  }

  /**
   * Returns a kernel that is one file of a package and needs nothing else, checked; makes it if it
   * is missing or damaged.
   */
  Path prepareFile(String packageName, Pattern path) {
    return locked(
        update -> {
          update.file(packageName, path);
          update.save();
          return update.path(Role.KERNEL);
        });
  }

  private <T> T locked(Work<T> work) {
    synchronized (PROCESS_LOCK) {
      try {
        Files.createDirectories(folder);
        try (FileChannel channel =
                FileChannel.open(
                    folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            FileLock held = lock(channel)) {
          return update(work);
        }
      } catch (IOException e) {
        throw new GuestException(
            GuestException.Code.CACHE_IO, "cannot use the cache folder " + folder + ": " + e, e);
      }
    }
  }

  private FileLock lock(FileChannel channel) throws IOException {
    FileLock held = channel.tryLock();
    if (held == null) {
      progress.step("waiting for another process that prepares the guest");
      held = channel.lock();
    }
    return held;
  }

  private <T> T update(Work<T> toDo) throws IOException {
    AssetManifest before = AssetManifest.read(folder).orElseGet(AssetManifest::empty);
    Path work = folder.resolve("work");
    AtomicFiles.deleteTree(work);
    Files.createDirectories(work);
    try {
      return toDo.in(new Update(before, work));
    } finally {
      AtomicFiles.deleteTree(work);
    }
  }

  /** One walk over the assets, each made from the ones before it. */
  private final class Update {
    private final Path work;
    private final Map<String, PackageEntry> packages;
    private final Map<Role, AssetEntry> assets;
    private String kernelVersion;
    private AssetManifest saved;

    Update(AssetManifest before, Path work) {
      this.saved = before;
      this.work = work;
      this.packages = new TreeMap<>(before.packages());
      this.assets = new TreeMap<>(before.assets());
      this.kernelVersion = before.kernelVersion();
    }

    /**
     * Writes down what is there by now, so that a later step's failure does not undo a download.
     */
    void save() throws IOException {
      AssetManifest now =
          new AssetManifest(
              AssetManifest.FORMAT, kernelVersion, new TreeMap<>(packages), new TreeMap<>(assets));
      if (!now.equals(saved)) {
        now.write(folder);
        saved = now;
      }
    }

    Path path(Role role) {
      return folder.resolve(asset(role).file());
    }

    Path kernelPackage() {
      return folder.resolve(kernelPackageEntry().orElseThrow().getValue().file());
    }

    void file(String packageName, Pattern path) throws IOException {
      if (isSound(Role.KERNEL)) {
        return;
      }
      PackageEntry from = soundPackage(packageName);
      DebArchive.Entry image = extract(from, path, path.pattern());
      String name = image.path().substring(image.path().lastIndexOf('/') + 1);
      kernelVersion = from.version();
      place(Role.KERNEL, name, image.content(), from.sha256());
    }

    void kernel(String metaPackage) throws IOException {
      if (isSound(Role.KERNEL)
          && kernelPackageEntry().filter(p -> exists(p.getValue())).isPresent()) {
        return;
      }
      String name =
          kernelPackageEntry().filter(p -> isSound(p.getValue())).map(Map.Entry::getKey).orElse("");
      if (name.isEmpty()) {
        packages.keySet().removeIf(p -> p.startsWith(KERNEL_PACKAGE_PREFIX));
        name = source.resolve(metaPackage, KERNEL_PACKAGE_PREFIX);
      }
      PackageEntry from = soundPackage(name);
      DebArchive.Entry image = extract(from, KERNEL_PATH, "a kernel in boot/");
      Matcher path = KERNEL_PATH.matcher(image.path());
      if (!path.matches()) {
        throw new AssertionError(image.path());
      }
      kernelVersion = path.group(1);
      place(Role.KERNEL, "vmlinuz-" + kernelVersion, image.content(), from.sha256());
    }

    void busybox() throws IOException {
      if (isSound(Role.BUSYBOX)) {
        return;
      }
      PackageEntry from = soundPackage(BUSYBOX_PACKAGE);
      DebArchive.Entry busybox = extract(from, BUSYBOX_PATH, "bin/busybox");
      place(Role.BUSYBOX, "busybox", busybox.content(), from.sha256());
    }

    void guestProgram() throws IOException {
      boolean sound = isSound(Role.GUEST_PROGRAM);
      if (sound && !HostCommand.exists("gcc")) {
        return; // nothing to build it anew with; what is there was checked
      }
      String compiler = GuestProgram.compilerVersion();
      String inputs = GuestProgram.inputs(compiler);
      if (sound && asset(Role.GUEST_PROGRAM).inputs().equals(inputs)) {
        return;
      }
      progress.step("building the guest program with " + compiler);
      place(
          Role.GUEST_PROGRAM,
          "godwit-guest",
          Files.readAllBytes(GuestProgram.compile(work)),
          inputs);
    }

    void initrd() throws IOException {
      String kernelPackage = kernelPackageEntry().orElseThrow().getKey();
      String inputs =
          Sha256.ofTexts(
              Integer.toString(Initramfs.LAYOUT_VERSION),
              kernelPackageEntry().orElseThrow().getValue().sha256(),
              asset(Role.BUSYBOX).sha256(),
              asset(Role.GUEST_PROGRAM).sha256());
      if (isSound(Role.INITRD) && asset(Role.INITRD).inputs().equals(inputs)) {
        return;
      }
      DebArchive.Entry buttonModule =
          extract(soundPackage(kernelPackage), BUTTON_MODULE_PATH, "the module button.ko");
      progress.step("writing the initramfs");
      byte[] archive =
          Initramfs.build(
              Files.readAllBytes(path(Role.BUSYBOX)),
              applets(path(Role.BUSYBOX)),
              Files.readAllBytes(path(Role.GUEST_PROGRAM)),
              buttonModule.content());
      place(Role.INITRD, "initrd-" + inputs.substring(0, 16) + ".cpio", archive, inputs);
    }

    private AssetEntry asset(Role role) {
      AssetEntry entry = assets.get(role);
      if (entry == null) {
        throw new IllegalStateException("no " + role + " was made");
      }
      return entry;
    }

    private Optional<Map.Entry<String, PackageEntry>> kernelPackageEntry() {
      return packages.entrySet().stream()
          .filter(e -> e.getKey().startsWith(KERNEL_PACKAGE_PREFIX))
          .findFirst();
    }

    private boolean exists(PackageEntry entry) {
      return Files.isRegularFile(folder.resolve(entry.file()));
    }

    private boolean isSound(PackageEntry entry) {
      return isSound(entry.file(), entry.sha256());
    }

    private boolean isSound(Role role) {
      AssetEntry entry = assets.get(role);
      return entry != null && isSound(entry.file(), entry.sha256());
    }

    /** Checks a cached file and names it if it is not what the manifest says. */
    private boolean isSound(String file, String sha256) {
      Path path = folder.resolve(file);
      if (!Files.isRegularFile(path)) {
        progress.step("the cached " + file + " is gone: getting it again");
        return false;
      }
      try {
        String actual = Sha256.of(path);
        if (!actual.equals(sha256)) {
          progress.step(
              "the cached "
                  + file
                  + " is damaged (SHA-256 "
                  + actual
                  + ", not "
                  + sha256
                  + "): getting it again");
          return false;
        }
        return true;
      } catch (IOException e) {
        progress.step(
            "the cached " + file + " cannot be read (" + e.getMessage() + "): getting it again");
        return false;
      }
    }

    /** Returns a package whose file in the cache is sound, downloading it if it must be. */
    private PackageEntry soundPackage(String name) throws IOException {
      PackageEntry cached = packages.get(name);
      if (cached != null && isSound(cached)) {
        return cached;
      }
      DebianPackage fetched = source.fetch(name, work);
      String file = fetched.file().getFileName().toString();
      Files.move(
          fetched.file(),
          folder.resolve(file),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
      PackageEntry entry = new PackageEntry(fetched.version(), fetched.sha256(), file);
      packages.put(name, entry);
      return entry;
    }

    private DebArchive.Entry extract(PackageEntry from, Pattern wanted, String what) {
      Path deb = folder.resolve(from.file());
      progress.step("unpacking " + from.file());
      return DebArchive.find(deb, wanted.asMatchPredicate())
          .orElseThrow(
              () ->
                  new GuestException(
                      GuestException.Code.BAD_PACKAGE,
                      "package " + from.file() + " does not contain " + what));
    }

    private void place(Role role, String file, byte[] content, String inputs) throws IOException {
      Path path = folder.resolve(file);
      AtomicFiles.write(path, content);
      if (role == Role.BUSYBOX || role == Role.GUEST_PROGRAM) {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
      assets.put(role, new AssetEntry(file, content.length, Sha256.of(content), inputs));
    }

    private List<String> applets(Path busybox) {
      HostCommand.Result listed = HostCommand.run(work, List.of(busybox.toString(), "--list"));
      List<String> applets =
          listed.output().lines().filter(name -> APPLET.matcher(name).matches()).sorted().toList();
      if (!listed.ok() || !applets.contains("sh")) {
        throw new GuestException(
            GuestException.Code.BAD_PACKAGE,
            "the cached busybox does not list its applets: " + listed.complaint());
      }
      return applets;
    }
  }
}
