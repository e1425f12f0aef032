package dev.godwit.snapshot.file;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineConfig.DeviceConfig;
import dev.godwit.snapshot.SnapshotException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * FILE.meta to and from a record. Its last line is the SHA-256 of all bytes before that line, so
 * that a change of any byte is found; every version of the format keeps it so.
 */
public final class ManifestCodec {
  private static final String FORMAT = "godwit-snapshot";
  private static final String SEAL = "  \"sha256_of_all_above\": \"";
  private static final String SEAL_END = "\"\n}\n";
  private static final int MAX_BYTES = 1 << 20;
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  private ManifestCodec() {}

  /** Returns the file's bytes. */
  public static byte[] write(SnapshotManifest manifest) {
    String json = GSON.toJson(toJson(manifest));
    String above = json.substring(0, json.length() - "\n}".length()) + ",\n";
    return (above + SEAL + sha256(above) + SEAL_END).getBytes(StandardCharsets.UTF_8);
  }

  private static String sha256(String text) {
    MessageDigest digest = Digests.sha256();
    return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Returns a manifest as JSON, without its seal. */
  static JsonObject toJson(SnapshotManifest manifest) {
    JsonObject json = new JsonObject();
    json.addProperty("format", FORMAT);
    json.addProperty("format_version", manifest.formatVersion());
    json.addProperty("snapshot_id", manifest.snapshotId());
    json.addProperty("producer", manifest.producer());
    json.addProperty("taken_at", Instant.ofEpochMilli(manifest.takenAtMillis()).toString());
    json.addProperty("guest_nanos", manifest.guestNanos());
    json.addProperty("paused", manifest.paused());
    json.addProperty("suspended", manifest.suspended());
    json.add("machine", toJson(manifest.config()));
    JsonArray sections = new JsonArray();
    manifest.sections().forEach(sections::add);
    json.add("sections", sections);
    JsonObject ram = new JsonObject();
    ram.addProperty("bytes", manifest.ram().bytes());
    ram.addProperty("content_pages", manifest.ram().contentPages());
    ram.addProperty("sha256_of_page_crc32c", manifest.ram().checksumsSha256());
    json.add("ram_file", ram);
    JsonObject kern = new JsonObject();
    kern.addProperty("bytes", manifest.kern().bytes());
    kern.addProperty("sha256", manifest.kern().sha256());
    json.add("kern_file", kern);
    SnapshotManifest.Base base = manifest.base();
    if (base != null) {
      JsonObject below = new JsonObject();
      below.addProperty("file", base.file());
      below.addProperty("snapshot_id", base.snapshotId());
      below.addProperty("kern_file_sha256", base.kernSha256());
      below.addProperty("own_pages", base.ownPages());
      json.add("base", below);
    }
    return json;
  }

  private static JsonObject toJson(MachineConfig config) {
    JsonObject json = new JsonObject();
    json.addProperty("name", config.name());
    json.addProperty("ram_bytes", config.ramBytes());
    json.addProperty("vcpus", config.vcpus());
    json.addProperty("cpu_model", config.cpuModel());
    json.addProperty("tsc_hz", config.tscHz());
    JsonArray devices = new JsonArray();
    for (DeviceConfig device : config.devices()) {
      JsonObject one = new JsonObject();
      one.addProperty("kind", device.kind());
      one.addProperty("instance", device.instance());
      JsonObject options = new JsonObject();
      device.options().entrySet().stream()
          .sorted(Map.Entry.comparingByKey())
          .forEach(option -> options.addProperty(option.getKey(), option.getValue()));
      one.add("options", options);
      devices.add(one);
    }
    json.add("devices", devices);
    return json;
  }

  /**
   * Reads and checks a file.
   *
   * @throws SnapshotException {@code TRUNCATED} when it is missing or cut off, {@code
   *     NOT_A_SNAPSHOT}, {@code CORRUPT}, {@code TOO_NEW} or {@code HOST_IO}
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG}
   */
  public static SnapshotManifest read(Path file) {
    String text;
    try {
      if (!Files.exists(file)) {
        throw new SnapshotException(
            SnapshotException.Code.TRUNCATED,
            file
                + " is missing: the snapshot was never completed, or not all of its three files"
                + " were copied");
      }
      if (Files.size(file) > MAX_BYTES) {
        throw notOne(file, "it is too long");
      }
      // Latin-1 keeps every byte apart from every other; the JSON is parsed as UTF-8 below.
      text = Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw SnapshotIo.cannotRead(file, e);
    }
    requireSeal(file, text);
    try {
      JsonObject json =
          JsonParser.parseString(
                  new String(text.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8))
              .getAsJsonObject();
      if (!FORMAT.equals(member(json, "format").getAsString())) {
        throw notOne(file, "its format is another");
      }
      int version = member(json, "format_version").getAsInt();
      if (version < 1 || version > SnapshotManifest.FORMAT_VERSION) {
        throw new SnapshotException(
            SnapshotException.Code.TOO_NEW,
            "%s has the format version %d; this godwit reads versions 1 to %d: use a newer godwit"
                .formatted(file, version, SnapshotManifest.FORMAT_VERSION));
      }
      return fromJson(json, version);
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | NumberFormatException
        | java.time.DateTimeException e) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "%s is sealed but makes no sense: %s".formatted(file, e.getMessage()),
          e);
    }
  }

  private static void requireSeal(Path file, String text) {
    if (!text.startsWith("{\n  \"format\": \"" + FORMAT + "\"")) {
      throw notOne(file, text.isEmpty() ? "it is empty" : "it begins otherwise");
    }
    int seal = text.lastIndexOf(SEAL);
    if (seal < 0 || text.length() < seal + SEAL.length() + 64 + SEAL_END.length()) {
      throw new SnapshotException(
          SnapshotException.Code.TRUNCATED, file + " is cut off: its last line is not there");
    }
    String above = text.substring(0, seal);
    byte[] bytes = above.getBytes(StandardCharsets.ISO_8859_1);
    String digest = HexFormat.of().formatHex(Digests.sha256().digest(bytes));
    if (!text.substring(seal).equals(SEAL + digest + SEAL_END)) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          file + " was changed or damaged: it does not have the digest that its last line says");
    }
  }

  private static SnapshotException notOne(Path file, String why) {
    return new SnapshotException(
        SnapshotException.Code.NOT_A_SNAPSHOT,
        "%s is not the manifest of a Godwit snapshot: %s".formatted(file, why));
  }

  private static SnapshotManifest.@Nullable Base baseFromJson(JsonObject json, int version) {
    if (version == 1) {
      return null;
    }
    JsonObject base = member(json, "base").getAsJsonObject();
    return new SnapshotManifest.Base(
        member(base, "file").getAsString(),
        member(base, "snapshot_id").getAsString(),
        member(base, "kern_file_sha256").getAsString(),
        member(base, "own_pages").getAsLong());
  }

  private static SnapshotManifest fromJson(JsonObject json, int version) {
    List<String> sections = new ArrayList<>();
    for (JsonElement section : member(json, "sections").getAsJsonArray()) {
      sections.add(section.getAsString());
    }
    JsonObject ram = member(json, "ram_file").getAsJsonObject();
    JsonObject kern = member(json, "kern_file").getAsJsonObject();
    return new SnapshotManifest(
        member(json, "snapshot_id").getAsString(),
        member(json, "producer").getAsString(),
        Instant.parse(member(json, "taken_at").getAsString()).toEpochMilli(),
        member(json, "guest_nanos").getAsLong(),
        member(json, "paused").getAsBoolean(),
        member(json, "suspended").getAsBoolean(),
        configFromJson(member(json, "machine").getAsJsonObject()),
        sections,
        new SnapshotManifest.RamFile(
            member(ram, "bytes").getAsLong(),
            member(ram, "content_pages").getAsLong(),
            member(ram, "sha256_of_page_crc32c").getAsString()),
        new FileDigest(member(kern, "bytes").getAsLong(), member(kern, "sha256").getAsString()),
        baseFromJson(json, version));
  }

  private static MachineConfig configFromJson(JsonObject json) {
    List<DeviceConfig> devices = new ArrayList<>();
    for (JsonElement element : member(json, "devices").getAsJsonArray()) {
      JsonObject device = element.getAsJsonObject();
      Map<String, String> options = new HashMap<>();
      for (Map.Entry<String, JsonElement> option :
          member(device, "options").getAsJsonObject().entrySet()) {
        options.put(option.getKey(), option.getValue().getAsString());
      }
      devices.add(
          new DeviceConfig(
              member(device, "kind").getAsString(),
              member(device, "instance").getAsString(),
              options));
    }
    return new MachineConfig(
        member(json, "name").getAsString(),
        member(json, "ram_bytes").getAsLong(),
        member(json, "vcpus").getAsInt(),
        member(json, "cpu_model").getAsString(),
        devices,
        member(json, "tsc_hz").getAsLong());
  }

  private static JsonElement member(JsonObject json, String name) {
    JsonElement member = json.get(name);
    if (member == null || member.isJsonNull()) {
      throw new JsonParseException("it has no '" + name + "'");
    }
    return member;
  }
}
