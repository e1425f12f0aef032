package dev.godwit.guest;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What is in the cache folder and what each file must be: {@code manifest.json}.
 *
 * @param format version of this form; others are not read
 * @param kernelVersion the kernel's own release name
 * @param packages the packages, by name
 * @param assets the files made of them, by role
 */
record AssetManifest(
    int format,
    String kernelVersion,
    Map<String, PackageEntry> packages,
    Map<Role, AssetEntry> assets) {
  static final int FORMAT = 1;
  static final String FILE = "manifest.json";

  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
  private static final Pattern PLAIN_NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+~:%=-]*");
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  /** What a cached file is for. */
  enum Role {
    KERNEL,
    BUSYBOX,
    GUEST_PROGRAM,
    INITRD
  }

  /**
   * A package that was fetched.
   *
   * @param version Debian's version
   * @param sha256 the package file's digest, as the signed index gave it
   * @param file its name in the cache folder
   */
  record PackageEntry(String version, String sha256, String file) {}

  /**
   * A file that was made.
   *
   * @param file its name in the cache folder
   * @param bytes its length
   * @param sha256 its digest
   * @param inputs a digest of all that it was made from
   */
  record AssetEntry(String file, long bytes, String sha256, String inputs) {}

  static AssetManifest empty() {
    return new AssetManifest(FORMAT, "", new TreeMap<>(), new TreeMap<>());
  }

  /**
   * Reads the manifest of a cache folder.
   *
   * @return empty if there is none, or none of this form
   * @throws IOException if there is one that cannot be read
   */
  static Optional<AssetManifest> read(Path folder) throws IOException {
    String text;
    try {
      text = Files.readString(folder.resolve(FILE));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    try {
      AssetManifest manifest = GSON.fromJson(text, AssetManifest.class);
      return Optional.ofNullable(manifest).filter(AssetManifest::isSound);
    } catch (JsonParseException e) {
      return Optional.empty();
    }
  }

  /** Writes the manifest; it appears whole or not at all. */
  void write(Path folder) throws IOException {
    AtomicFiles.write(
        folder.resolve(FILE), (GSON.toJson(this) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Gson fills in nulls where the text lacks something, and takes any text as a name. */
  private boolean isSound() {
    if (format != FORMAT || isNull(kernelVersion) || isNull(packages) || isNull(assets)) {
      return false;
    }
    boolean packagesSound =
        packages.values().stream()
            .allMatch(
                p ->
                    !isNull(p)
                        && !isNull(p.version)
                        && matches(PLAIN_NAME, p.file)
                        && matches(DIGEST, p.sha256));
    boolean assetsSound =
        assets.entrySet().stream()
            .allMatch(
                e ->
                    !isNull(e.getKey())
                        && !isNull(e.getValue())
                        && matches(PLAIN_NAME, e.getValue().file)
                        && matches(DIGEST, e.getValue().sha256)
                        && matches(DIGEST, e.getValue().inputs));
    return packagesSound && assetsSound;
  }

  private static boolean isNull(@Nullable Object value) {
    return value == null;
  }

  private static boolean matches(Pattern pattern, @Nullable String text) {
    return text != null && pattern.matcher(text).matches();
  }
}
