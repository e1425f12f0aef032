package dev.godwit.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Debian's packages, by the host's own {@code apt}: its sources, its proxies, its keys.
 *
 * <p>The host's package index is used while it serves. Where it is empty, or too old to download
 * by, an index of this program's own is fetched into {@code stateFolder}; so the host's state is
 * never changed, and root is not needed.
 */
final class AptPackageSource implements PackageSource {
  private static final String INSTEAD =
      "install it (apt-get install %s), or give --kernel and --initrd files of your own";
  private static final String INSTEAD_OF_NETWORK =
      "check the network and /etc/apt/sources.list, or give --kernel and --initrd files of your"
          + " own";
  private static final Pattern FIELD = Pattern.compile("^([A-Za-z0-9-]+): (.*)$");

  private final Path stateFolder;
  private final Progress progress;
  private boolean ownIndex;

  /** Why the index of our own is not whole; empty while it is, or is not needed. */
  private String indexComplaint = "";

  /** What the last failed download said. */
  private String downloadComplaint = "";

  /**
   * @param stateFolder where an index of this program's own is kept
   */
  AptPackageSource(Path stateFolder, Progress progress) {
    this.stateFolder = stateFolder;
    this.progress = progress;
  }

  @Override
  public String resolve(String metaPackage, String prefix) {
    requireTools();
    String depends = show(metaPackage, "Depends");
    for (String alternative : depends.split("[,|]", -1)) {
      String name = alternative.strip().split("[ :(]", 2)[0];
      if (name.startsWith(prefix)) {
        return name;
      }
    }
    throw new GuestException(
        GuestException.Code.PACKAGE_NOT_FOUND,
        "package "
            + metaPackage
            + " depends on no package named "
            + prefix
            + "...; it depends on: "
            + depends);
  }

  @Override
  public DebianPackage fetch(String name, Path folder) {
    requireTools();
    Optional<DebianPackage> fetched = download(name, folder);
    if (fetched.isEmpty() && !ownIndex) {
      updateOwnIndex(); // an old index names files that the archive has replaced meanwhile
      fetched = download(name, folder);
    }
    return fetched.orElseThrow(
        () ->
            new GuestException(
                GuestException.Code.DOWNLOAD_FAILED,
                "apt-get cannot download package "
                    + name
                    + ": "
                    + INSTEAD_OF_NETWORK
                    + " ("
                    + downloadComplaint
                    + ")"));
  }

  private static void requireTools() {
    HostCommand.require(
        "apt-get",
        "Debian's packages are fetched by it; on another system give --kernel and --initrd");
    HostCommand.require("apt-cache", INSTEAD.formatted("apt"));
    HostCommand.require("dpkg-deb", INSTEAD.formatted("dpkg"));
  }

  private Optional<DebianPackage> download(String name, Path folder) {
    String version = show(name, "Version");
    String sha256 = show(name, "SHA256");
    progress.step("downloading " + name + " " + version);
    HostCommand.Result result =
        HostCommand.run(folder, apt("apt-get", "--quiet", "download", name + "=" + version));
    if (!result.ok()) {
      downloadComplaint = "apt-get download: " + result.complaint();
      progress.step(downloadComplaint);
      return Optional.empty();
    }
    return Optional.of(checked(name, version, sha256, downloadedFile(name, folder)));
  }

  /** Takes a downloaded file for what it should be only if its digest is the index's. */
  static DebianPackage checked(String name, String version, String sha256, Path file) {
    String actual = digest(file);
    if (!actual.equals(sha256)) {
      throw new GuestException(
          GuestException.Code.HASH_MISMATCH,
          "the downloaded "
              + file.getFileName()
              + " has SHA-256 "
              + actual
              + ", but the package index says "
              + sha256
              + ": something between here and the archive changes files");
    }
    return new DebianPackage(name, version, sha256, file);
  }

  private static Path downloadedFile(String name, Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(f -> f.getFileName().toString().startsWith(name + "_"))
          .filter(f -> f.getFileName().toString().endsWith(".deb"))
          .findFirst()
          .orElseThrow(
              () ->
                  new GuestException(
                      GuestException.Code.DOWNLOAD_FAILED,
                      "apt-get said it downloaded " + name + " but left no file"));
    } catch (IOException e) {
      throw new GuestException(GuestException.Code.CACHE_IO, "cannot list " + folder + ": " + e, e);
    }
  }

  private static String digest(Path file) {
    try {
      return Sha256.of(file);
    } catch (IOException e) {
      throw new GuestException(GuestException.Code.CACHE_IO, "cannot read " + file + ": " + e, e);
    }
  }

  /** Returns a field of the package that apt would install, from its signed index. */
  private String show(String name, String field) {
    Optional<String> value = lookUp(name, field);
    if (value.isEmpty() && !ownIndex) {
      updateOwnIndex();
      value = lookUp(name, field);
    }
    return value.orElseThrow(() -> notFound(name));
  }

  private GuestException notFound(String name) {
    if (!indexComplaint.isEmpty()) {
      return new GuestException(
          GuestException.Code.DOWNLOAD_FAILED,
          "Debian's package index cannot be fetched, so there is no "
              + name
              + ": "
              + INSTEAD_OF_NETWORK
              + " ("
              + indexComplaint
              + ")");
    }
    return new GuestException(
        GuestException.Code.PACKAGE_NOT_FOUND,
        "no package source of this machine has "
            + name
            + ": it comes from Debian (main); add Debian to the sources, or give --kernel and"
            + " --initrd files of your own");
  }

  private Optional<String> lookUp(String name, String field) {
    HostCommand.Result shown =
        HostCommand.run(Path.of("/"), apt("apt-cache", "show", "--no-all-versions", name));
    if (!shown.ok()) {
      return Optional.empty();
    }
    return shown
        .output()
        .lines()
        .map(FIELD::matcher)
        .filter(Matcher::matches)
        .filter(m -> m.group(1).equals(field))
        .map(m -> m.group(2).strip())
        .findFirst();
  }

  private void updateOwnIndex() {
    progress.step("fetching Debian's package index");
    ownIndex = true;
    try {
      Files.createDirectories(stateFolder.resolve("lists/partial"));
      Files.createDirectories(stateFolder.resolve("cache/archives/partial"));
    } catch (IOException e) {
      throw new GuestException(
          GuestException.Code.CACHE_IO, "cannot make folders in " + stateFolder + ": " + e, e);
    }
    // Without this, apt-get says 0 when it could fetch nothing. What it did fetch is used all the
    // same.
    HostCommand.Result updated =
        HostCommand.run(
            stateFolder, apt("apt-get", "--quiet", "-o", "APT::Update::Error-Mode=any", "update"));
    if (!updated.ok()) {
      indexComplaint = "apt-get update: " + updated.complaint();
      progress.step(indexComplaint);
    }
  }

  private List<String> apt(String program, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(program);
    // Run by root, apt would download as the user _apt, who cannot write here.
    command.addAll(List.of("-o", "APT::Sandbox::User="));
    if (ownIndex) {
      command.addAll(List.of("-o", "Dir::State::lists=" + stateFolder.resolve("lists")));
      command.addAll(List.of("-o", "Dir::Cache=" + stateFolder.resolve("cache")));
    }
    command.addAll(List.of(arguments));
    return command;
  }
}
