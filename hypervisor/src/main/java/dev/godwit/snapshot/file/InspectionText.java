package dev.godwit.snapshot.file;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.godwit.proto.v1.DeviceConfig;
import dev.godwit.proto.v1.MachineConfig;
import dev.godwit.proto.v1.StreamHeader;
import dev.godwit.proto.v1.StreamMetadata;
import dev.godwit.snapshot.file.Inspection.InspectedSection;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An inspected snapshot as people read it. */
final class InspectionText {
  /** More bytes than that are shortened. */
  private static final int SHOWN_BYTES = 32;

  /** From here on a number is shown in hexadecimal digits, too. */
  private static final long HEX_FROM = 4096;

  private final Inspection inspection;
  private final StringBuilder out = new StringBuilder();

  InspectionText(Inspection inspection) {
    this.inspection = inspection;
  }

  String print() {
    line(0, "snapshot " + inspection.paths().ram());
    SnapshotManifest manifest = inspection.manifest();
    if (manifest != null) {
      line(1, "id " + manifest.snapshotId());
      line(
          1,
          "RAM file %d bytes, %d pages with content"
              .formatted(manifest.ram().bytes(), manifest.ram().contentPages()));
      SnapshotManifest.Base base = manifest.base();
      if (base != null) {
        line(
            1,
            "incremental: %d pages changed since %s (%s)"
                .formatted(base.ownPages(), base.file(), base.snapshotId()));
      }
      line(1, manifest.suspended() ? "the machine was suspended" : "the machine went on");
    }
    printHeader(inspection.header());
    printMetadata(inspection.metadata());
    for (InspectedSection section : inspection.sections()) {
      line(
          0,
          "%s section %s, version %d, %d bytes of %s"
              .formatted(
                  section.group(),
                  section.title(),
                  section.version(),
                  section.bytes(),
                  section.messageType()));
      if (section.message() != null) {
        printFields(1, section.message());
      }
    }
    line(0, inspection.isWhole() ? "whole" : "DAMAGED");
    inspection.damage().forEach(damage -> line(1, damage));
    return out.toString();
  }

  private void printHeader(@Nullable StreamHeader header) {
    if (header == null) {
      return;
    }
    MachineConfig config = header.getConfig();
    line(1, "written by " + header.getProducer() + ", format version " + header.getFormatVersion());
    line(
        1,
        "machine %s: %d MiB, %d vCPU, CPU model %s, TSC %d Hz"
            .formatted(
                config.getName(),
                config.getRamBytes() >>> 20,
                config.getVcpus(),
                config.getCpuModel(),
                config.getTscHz()));
    for (DeviceConfig device : config.getDevicesList()) {
      StringBuilder options = new StringBuilder();
      device.getOptionsMap().entrySet().stream()
          .sorted(Map.Entry.comparingByKey())
          .forEach(o -> options.append(' ').append(o.getKey()).append('=').append(o.getValue()));
      line(1, "device " + device.getKind() + " " + device.getInstance() + options);
    }
  }

  private void printMetadata(@Nullable StreamMetadata metadata) {
    if (metadata == null) {
      return;
    }
    line(
        1,
        "taken at %s, after %.3f s of guest time%s"
            .formatted(
                Instant.ofEpochMilli(metadata.getTakenAtMillis()),
                metadata.getGuestNanos() / 1e9,
                metadata.getPaused() ? ", paused by its user" : ""));
  }

  private void printFields(int depth, Message message) {
    message
        .getAllFields()
        .forEach(
            (field, value) -> {
              if (field.isRepeated()) {
                printRepeated(depth, field, (List<?>) value);
              } else {
                print(depth, field.getName(), field, value);
              }
            });
    if (!message.getUnknownFields().asMap().isEmpty()) {
      line(depth, "fields without a description: " + message.getUnknownFields().asMap().keySet());
    }
  }

  private void printRepeated(int depth, FieldDescriptor field, List<?> values) {
    if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
      for (int i = 0; i < values.size(); i++) {
        print(depth, field.getName() + "[" + i + "]", field, values.get(i));
      }
    } else {
      line(
          depth,
          field.getName()
              + ": "
              + String.join(" ", values.stream().map(value -> text(field, value)).toList()));
    }
  }

  private void print(int depth, String name, FieldDescriptor field, Object value) {
    if (value instanceof Message message) {
      line(depth, name);
      printFields(depth + 1, message);
    } else {
      line(depth, name + ": " + text(field, value));
    }
  }

  private static String text(FieldDescriptor field, Object value) {
    return switch (value) {
      case ByteString bytes -> bytes(bytes);
      case Integer number -> number(field, Integer.toUnsignedLong(number), number);
      case Long number -> number(field, number, number);
      case String string -> '"' + string.replace("\n", "\\n") + '"';
      default -> value.toString();
    };
  }

  private static String number(FieldDescriptor field, long unsigned, long signed) {
    boolean isUnsigned =
        switch (field.getType()) {
          case UINT32, UINT64, FIXED32, FIXED64 -> true;
          default -> false;
        };
    if (!isUnsigned) {
      return Long.toString(signed);
    }
    String decimal = Long.toUnsignedString(unsigned);
    return Long.compareUnsigned(unsigned, HEX_FROM) < 0
        ? decimal
        : "0x" + Long.toHexString(unsigned) + " (" + decimal + ")";
  }

  private static String bytes(ByteString bytes) {
    int shown = Math.min(bytes.size(), SHOWN_BYTES);
    String hex = HexFormat.ofDelimiter(" ").formatHex(bytes.substring(0, shown).toByteArray());
    int set = 0;
    for (int i = 0; i < bytes.size(); i++) {
      set += bytes.byteAt(i) == 0 ? 0 : 1;
    }
    return bytes.size() <= SHOWN_BYTES
        ? hex
        : "%s … (%d bytes, %d of them not 0)".formatted(hex, bytes.size(), set);
  }

  private void line(int depth, String text) {
    out.append("  ".repeat(depth)).append(text).append('\n');
  }
}
