package dev.godwit.stream;

import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.FileDescriptor;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.StatePart;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a stream says first.
 *
 * @param config the machine
 * @param sections the sections to come, in order
 * @param descriptors descriptors of every section's payload, dependencies first
 * @param producer who wrote it, for people
 */
public record StreamHeader(
    MachineConfig config,
    List<SectionName> sections,
    FileDescriptorSet descriptors,
    String producer) {

  /** Version of the format of header, sections and metadata. */
  public static final int FORMAT_VERSION = 1;

  /** Copies the list. */
  public StreamHeader {
    sections = List.copyOf(sections);
  }

  /** Returns the header of a machine's stream. */
  public static StreamHeader of(Machine machine, String producer) {
    List<SectionName> names = new ArrayList<>();
    Map<String, FileDescriptor> files = new LinkedHashMap<>();
    for (SectionGroup group : SectionGroup.values()) {
      for (StatePart part : machine.stateParts()) {
        if (part instanceof SavedPart<?> saved && saved.kind().group() == group) {
          names.add(
              new SectionName(
                  group, saved.kind().name(), saved.instance(), saved.kind().version()));
          addWithDependencies(saved.kind().prototype().getDescriptorForType().getFile(), files);
        }
      }
    }
    FileDescriptorSet.Builder descriptors = FileDescriptorSet.newBuilder();
    files.values().forEach(file -> descriptors.addFile(file.toProto()));
    return new StreamHeader(machine.config(), names, descriptors.build(), producer);
  }

  private static void addWithDependencies(FileDescriptor file, Map<String, FileDescriptor> files) {
    if (!files.containsKey(file.getName())) {
      file.getDependencies().forEach(dependency -> addWithDependencies(dependency, files));
      files.put(file.getName(), file);
    }
  }

  /**
   * Checks, before any state arrives, that a machine built from {@link #config} can be restored
   * from the announced sections: each part finds its section in a version that it reads, and none
   * is left over.
   *
   * @throws SnapshotException {@code TOO_NEW}, {@code MISSING_SECTION} or {@code
   *     UNEXPECTED_SECTION}, naming the section
   */
  public void requireRestorableInto(List<StatePart> parts) {
    Map<String, SectionName> announced = new HashMap<>();
    for (SectionName name : sections) {
      if (announced.put(name.title(), name) != null) {
        throw new SnapshotException(
            SnapshotException.Code.UNEXPECTED_SECTION,
            "section " + name.title() + " is announced twice");
      }
    }
    for (StatePart part : parts) {
      if (part instanceof SavedPart<?> saved) {
        String title = saved.kind().name() + "/" + saved.instance();
        SectionName name = announced.remove(title);
        if (name == null) {
          throw new SnapshotException(
              SnapshotException.Code.MISSING_SECTION,
              "section " + title + " is missing: the machine cannot be whole without it");
        }
        if (name.version() < 1 || name.version() > saved.kind().version()) {
          throw new SnapshotException(
              SnapshotException.Code.TOO_NEW,
              "section %s has version %d; this godwit reads versions 1 to %d: use a newer godwit"
                  .formatted(
                      title, Integer.toUnsignedLong(name.version()), saved.kind().version()));
        }
        if (name.group() != saved.kind().group()) {
          throw new SnapshotException(
              SnapshotException.Code.UNEXPECTED_SECTION,
              "section " + title + " is announced in the group " + name.group());
        }
      }
    }
    for (SectionName left : announced.values()) {
      throw new SnapshotException(
          SnapshotException.Code.UNEXPECTED_SECTION,
          "section " + left.title() + " is for a part that this machine does not have");
    }
  }
}
