package dev.godwit.snapshot.file;

import com.google.protobuf.DynamicMessage;
import dev.godwit.proto.v1.StreamHeader;
import dev.godwit.proto.v1.StreamMetadata;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What could be read of a snapshot, and what could not.
 *
 * @param paths its files
 * @param manifest FILE.meta; null if it cannot be read
 * @param header FILE.kern's header; null if it cannot be read
 * @param sections the sections that are there, in their order
 * @param metadata FILE.kern's metadata; null if it cannot be read
 * @param damage what is wrong, each by file and place; empty if the snapshot is whole
 */
public record Inspection(
    SnapshotPaths paths,
    @Nullable SnapshotManifest manifest,
    @Nullable StreamHeader header,
    List<InspectedSection> sections,
    @Nullable StreamMetadata metadata,
    List<String> damage) {
  /** Copies the lists. */
  public Inspection {
    sections = List.copyOf(sections);
    damage = List.copyOf(damage);
  }

  /** Says whether the snapshot is whole, as far as it was looked at. */
  public boolean isWhole() {
    return damage.isEmpty();
  }

  /** Returns it for people. */
  public String toText() {
    return new InspectionText(this).print();
  }

  /** Returns it for programs: one JSON object. */
  public String toJson() {
    return InspectionJson.print(this);
  }

  /**
   * A section.
   *
   * @param group "devices" or "kernel"
   * @param kind its kind
   * @param instance which one of its kind
   * @param version its version
   * @param messageType full protobuf name of its message
   * @param bytes its payload's length
   * @param message its content, by the descriptors that the file carries; null if they do not fit
   */
  public record InspectedSection(
      String group,
      String kind,
      String instance,
      int version,
      String messageType,
      int bytes,
      @Nullable DynamicMessage message) {
    /** Returns {@code kind/instance}. */
    public String title() {
      return kind + "/" + instance;
    }
  }
}
