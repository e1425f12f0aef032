package dev.godwit.snapshot.file;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import dev.godwit.proto.v1.StreamHeader;
import dev.godwit.proto.v1.StreamMetadata;
import dev.godwit.snapshot.file.Inspection.InspectedSection;

/** An inspected snapshot as programs read it. */
final class InspectionJson {
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().serializeNulls().create();
  private static final JsonFormat.Printer PRINTER =
      JsonFormat.printer().preservingProtoFieldNames().alwaysPrintFieldsWithNoPresence();

  private InspectionJson() {}

  static String print(Inspection inspection) {
    JsonObject json = new JsonObject();
    json.addProperty("file", inspection.paths().ram().toString());
    json.addProperty("whole", inspection.isWhole());
    JsonArray damage = new JsonArray();
    inspection.damage().forEach(damage::add);
    json.add("damage", damage);
    SnapshotManifest manifest = inspection.manifest();
    json.add("manifest", manifest == null ? JsonNull.INSTANCE : ManifestCodec.toJson(manifest));
    StreamHeader header = inspection.header();
    json.add("header", header == null ? JsonNull.INSTANCE : header(header));
    StreamMetadata metadata = inspection.metadata();
    json.add("metadata", metadata == null ? JsonNull.INSTANCE : message(metadata));
    JsonArray sections = new JsonArray();
    for (InspectedSection section : inspection.sections()) {
      JsonObject one = new JsonObject();
      one.addProperty("group", section.group());
      one.addProperty("kind", section.kind());
      one.addProperty("instance", section.instance());
      one.addProperty("version", section.version());
      one.addProperty("message_type", section.messageType());
      one.addProperty("bytes", section.bytes());
      one.add(
          "content", section.message() == null ? JsonNull.INSTANCE : message(section.message()));
      sections.add(one);
    }
    json.add("sections", sections);
    return GSON.toJson(json) + "\n";
  }

  /** The descriptors are for programs that have the file; here they would only be in the way. */
  private static JsonElement header(StreamHeader header) {
    JsonElement json = message(header.toBuilder().clearDescriptors().clearMagic().build());
    json.getAsJsonObject().remove("magic");
    return json;
  }

  private static JsonElement message(MessageOrBuilder message) {
    try {
      return JsonParser.parseString(PRINTER.print(message));
    } catch (InvalidProtocolBufferException e) {
      // An Any of a type that the file does not describe.
      JsonObject json = new JsonObject();
      json.addProperty("cannot_be_shown", e.getMessage());
      return json;
    }
  }
}
