package dev.godwit.snapshot.file;

import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.godwit.machine.MachineException;
import dev.godwit.memory.GuestMemory;
import dev.godwit.proto.v1.Section;
import dev.godwit.proto.v1.SectionGroup;
import dev.godwit.proto.v1.SectionName;
import dev.godwit.proto.v1.SnapshotMemory;
import dev.godwit.proto.v1.StreamHeader;
import dev.godwit.proto.v1.StreamMetadata;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.file.Inspection.InspectedSection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads any snapshot without knowing its devices: by the descriptors that it carries, whatever the
 * versions of its sections. Damage is reported by name, and what is left is shown.
 */
public final class Inspector {
  private final SnapshotPaths paths;
  private final List<String> damage = new ArrayList<>();
  private final List<InspectedSection> sections = new ArrayList<>();
  private final Map<String, Descriptor> types = new HashMap<>();
  private @Nullable SnapshotManifest manifest;
  private @Nullable StreamHeader header;
  private @Nullable SnapshotMemory memory;
  private @Nullable PageChecksums checksums;
  private @Nullable StreamMetadata metadata;
  private OwnPages.@Nullable Reading own;
  private int place;
  private boolean ended;

  private Inspector(SnapshotPaths paths) {
    this.paths = paths;
  }

  /**
   * Inspects a snapshot.
   *
   * @param file FILE, FILE.kern or FILE.meta
   * @param withRam whether all of FILE is read and checked
   * @throws SnapshotException {@code NOT_A_SNAPSHOT} if none of the files is there
   */
  public static Inspection inspect(Path file, boolean withRam) {
    SnapshotPaths paths = SnapshotPaths.containing(file);
    if (!Files.exists(paths.kern()) && !Files.exists(paths.meta())) {
      throw new SnapshotException(
          SnapshotException.Code.NOT_A_SNAPSHOT,
          "%s is not a snapshot: neither %s nor %s is there"
              .formatted(file, paths.kern().getFileName(), paths.meta().getFileName()));
    }
    Inspector inspector = new Inspector(paths);
    inspector.run(withRam);
    return new Inspection(
        paths,
        inspector.manifest,
        inspector.header,
        inspector.sections,
        inspector.metadata,
        inspector.damage);
  }

  private void run(boolean withRam) {
    try {
      manifest = ManifestCodec.read(paths.meta());
    } catch (SnapshotException | MachineException e) {
      damage.add(String.valueOf(e.getMessage()));
    }
    SnapshotManifest known = manifest;
    SnapshotPaths.DataFiles files =
        known == null
            ? new SnapshotPaths.DataFiles(paths.ram(), paths.kern())
            : paths.locate(known);
    readKern(files.kern());
    if (known != null && !known.kern().matches(files.kern())) {
      damage.add("%s is not the file that %s speaks of".formatted(files.kern(), paths.meta()));
    }
    if (known != null && known.base() != null) {
      checkChain(withRam);
    } else {
      checkRam(files.ram(), withRam);
    }
  }

  /** An incremental snapshot is whole if all that it builds on is. */
  private void checkChain(boolean withRam) {
    if (!damage.isEmpty()) {
      return; // Opening it would only say the same again.
    }
    try {
      SnapshotFiles chain = SnapshotFiles.open(paths.ram());
      if (withRam) {
        chain.verifyRam();
      }
    } catch (SnapshotException | MachineException e) {
      damage.add(String.valueOf(e.getMessage()));
    }
  }

  private void readKern(Path file) {
    try (KernFrames frames = KernFrames.open(file)) {
      for (KernFrame frame = frames.next(); frame != null; frame = frames.next()) {
        if (!frame.intact()) {
          damage.add("%s: %s has a wrong checksum%s".formatted(file, frame.title(), named(frame)));
        }
        read(file, frame, frames);
      }
      if (!ended) {
        damage.add(file + " is cut off: it has no last frame");
      }
    } catch (SnapshotException e) {
      damage.add(String.valueOf(e.getMessage()));
    }
    reportSections(file);
  }

  /** Returns which section a frame should be, by what the header announced at this place. */
  private String named(KernFrame frame) {
    StreamHeader known = header;
    return frame.type() == KernFrame.Type.SECTION
            && known != null
            && place < known.getSectionsCount()
        ? ": it is the section " + title(known.getSections(place))
        : "";
  }

  private static String title(SectionName name) {
    return name.getKind() + "/" + name.getInstance();
  }

  private void read(Path file, KernFrame frame, KernFrames frames) {
    KernFrame.Type type = frame.type();
    if (type == null) {
      damage.add(file + ": " + frame.title() + " is of a kind that this godwit does not know");
      return;
    }
    try {
      switch (type) {
        case HEADER -> {
          StreamHeader read = StreamHeader.parseFrom(frame.body());
          header = read;
          addTypes(file, read.getDescriptors());
        }
        case MEMORY -> memory = SnapshotMemory.parseFrom(frame.body());
        case CHECKSUMS -> readChecksums(frame, frames);
        case OWN_PAGES -> readOwnPages(frame);
        case SECTION -> {
          place++;
          readSection(file, Section.parseFrom(frame.body()));
        }
        case METADATA -> metadata = StreamMetadata.parseFrom(frame.body());
        case END -> {
          ended = true;
          if (!frame.body().equals(ByteString.copyFrom(frames.digestBeforeFrame()))) {
            damage.add(file + " was changed: its last frame is not the digest of the others");
          }
        }
      }
    } catch (InvalidProtocolBufferException e) {
      damage.add("%s: %s does not parse: %s".formatted(file, frame.title(), e.getMessage()));
    }
  }

  private void readChecksums(KernFrame frame, KernFrames frames) {
    SnapshotMemory described = memory;
    if (described == null || !frame.intact()) {
      return;
    }
    PageChecksums reading = checksums;
    if (reading == null) {
      long pages = described.getFileBytes() / GuestMemory.PAGE_BYTES;
      if (pages < 0 || pages * Integer.BYTES > frames.fileBytes()) {
        damage.add(paths.kern() + " announces more checksums than it has");
        return;
      }
      reading = PageChecksums.toBeRead(described.getFileBytes());
      checksums = reading;
    }
    if (!reading.read(frame.body())) {
      damage.add("%s: %s has the wrong length".formatted(paths.kern(), frame.title()));
    }
  }

  private void readOwnPages(KernFrame frame) {
    PageChecksums known = checksums;
    if (known == null || !known.isComplete() || !frame.intact()) {
      return;
    }
    OwnPages.Reading reading = own;
    if (reading == null) {
      reading = new OwnPages.Reading(known.pages());
      own = reading;
    }
    if (!reading.read(frame.body())) {
      damage.add("%s: %s has the wrong length".formatted(paths.kern(), frame.title()));
    }
  }

  private void addTypes(Path file, FileDescriptorSet set) {
    Map<String, FileDescriptor> built = new HashMap<>();
    for (FileDescriptorProto proto : set.getFileList()) {
      List<FileDescriptor> dependencies = new ArrayList<>();
      for (String name : proto.getDependencyList()) {
        FileDescriptor dependency = built.get(name);
        if (dependency != null) {
          dependencies.add(dependency);
        }
      }
      try {
        FileDescriptor descriptor =
            FileDescriptor.buildFrom(proto, dependencies.toArray(FileDescriptor[]::new));
        built.put(proto.getName(), descriptor);
        descriptor.getMessageTypes().forEach(type -> types.put(type.getFullName(), type));
      } catch (DescriptorValidationException e) {
        damage.add(
            "%s: the descriptors in %s cannot be used: %s"
                .formatted(file, proto.getName(), e.getMessage()));
      }
    }
  }

  private void readSection(Path file, Section section) {
    String title = title(section.getName());
    if (KernFrame.crc(section.getPayload()) != section.getCrc32C()) {
      damage.add("%s: section %s has a wrong checksum".formatted(file, title));
    }
    DynamicMessage message = null;
    Descriptor type = types.get(section.getMessageType());
    if (type == null) {
      damage.add(
          "%s: section %s is a '%s', which the file does not describe"
              .formatted(file, title, section.getMessageType()));
    } else {
      try {
        message = DynamicMessage.parseFrom(type, section.getPayload());
      } catch (InvalidProtocolBufferException e) {
        damage.add("%s: section %s does not parse: %s".formatted(file, title, e.getMessage()));
      }
    }
    sections.add(
        new InspectedSection(
            group(section.getName().getGroup()),
            section.getName().getKind(),
            section.getName().getInstance(),
            section.getName().getVersion(),
            section.getMessageType(),
            section.getPayload().size(),
            message));
  }

  private static String group(SectionGroup group) {
    return switch (group) {
      case SECTION_GROUP_DEVICES -> "devices";
      case SECTION_GROUP_KERNEL -> "kernel";
      case SECTION_GROUP_UNSPECIFIED, UNRECOGNIZED -> "unknown";
    };
  }

  private void reportSections(Path file) {
    StreamHeader known = header;
    if (known == null) {
      return;
    }
    List<String> announced = known.getSectionsList().stream().map(Inspector::title).toList();
    List<String> there = sections.stream().map(InspectedSection::title).toList();
    if (there.equals(announced)) {
      return;
    }
    for (String title : announced) {
      if (!there.contains(title)) {
        damage.add("%s: section %s was announced but is missing".formatted(file, title));
      }
    }
    for (int i = 0; i < there.size(); i++) {
      String title = there.get(i);
      if (!announced.contains(title)) {
        damage.add("%s: section %s was not announced".formatted(file, title));
      } else if (there.indexOf(title) < i) {
        damage.add("%s: section %s is there twice".formatted(file, title));
      }
    }
    if (damage.isEmpty()) {
      damage.add(file + ": the sections are in another order than was announced");
    }
  }

  private void checkRam(Path file, boolean withContent) {
    SnapshotMemory described = memory;
    if (described == null) {
      return;
    }
    try {
      long bytes = Files.size(file);
      if (bytes != described.getFileBytes()) {
        damage.add(
            "%s has %d bytes, but was written with %d"
                .formatted(file, bytes, described.getFileBytes()));
        return;
      }
      PageChecksums known = checksums;
      if (withContent && known != null && known.isComplete()) {
        try (RamLayers ram = RamLayers.open(List.of(new RamLayers.Part(file, null)))) {
          known.verify(ram);
        }
      }
    } catch (IOException e) {
      damage.add(String.valueOf(SnapshotIo.cannotRead(file, e).getMessage()));
    } catch (SnapshotException e) {
      damage.add(String.valueOf(e.getMessage()));
    }
  }
}
