package dev.godwit.stream;

import com.google.protobuf.ByteString;
import dev.godwit.machine.MachineConfigCodec;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SnapshotException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * A stream's header, sections and metadata to and from their messages. What is read is checked as
 * hostile input.
 */
public final class StreamCodec {
  private static final ByteString MAGIC = ByteString.copyFrom("GODWIT", StandardCharsets.US_ASCII);
  private static final int MAX_SECTIONS = 4096;

  private StreamCodec() {}

  /** Returns a header's message. */
  public static dev.godwit.proto.v1.StreamHeader toProto(StreamHeader header) {
    var message =
        dev.godwit.proto.v1.StreamHeader.newBuilder()
            .setMagic(MAGIC)
            .setFormatVersion(StreamHeader.FORMAT_VERSION)
            .setConfig(MachineConfigCodec.toProto(header.config()))
            .setDescriptors(header.descriptors())
            .setProducer(header.producer());
    for (SectionName name : header.sections()) {
      message.addSections(toProto(name));
    }
    return message.build();
  }

  /**
   * Reads a header.
   *
   * @throws SnapshotException {@code NOT_A_SNAPSHOT}, {@code TOO_NEW} or {@code CORRUPT}
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG}
   */
  public static StreamHeader fromProto(dev.godwit.proto.v1.StreamHeader message) {
    if (!message.getMagic().equals(MAGIC)) {
      throw new SnapshotException(
          SnapshotException.Code.NOT_A_SNAPSHOT,
          "this is not the state of a Godwit machine: its first bytes are others");
    }
    int version = message.getFormatVersion();
    if (version < 1 || version > StreamHeader.FORMAT_VERSION) {
      throw new SnapshotException(
          SnapshotException.Code.TOO_NEW,
          "the state has the format version %d; this godwit reads versions 1 to %d: use a newer godwit"
              .formatted(Integer.toUnsignedLong(version), StreamHeader.FORMAT_VERSION));
    }
    if (message.getSectionsCount() > MAX_SECTIONS) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "the header announces " + message.getSectionsCount() + " sections");
    }
    List<SectionName> names = new ArrayList<>();
    for (dev.godwit.proto.v1.SectionName name : message.getSectionsList()) {
      names.add(fromProto(name));
    }
    return new StreamHeader(
        MachineConfigCodec.fromProto(message.getConfig()),
        names,
        message.getDescriptors(),
        message.getProducer());
  }

  private static dev.godwit.proto.v1.SectionName toProto(SectionName name) {
    return dev.godwit.proto.v1.SectionName.newBuilder()
        .setGroup(
            switch (name.group()) {
              case DEVICES -> dev.godwit.proto.v1.SectionGroup.SECTION_GROUP_DEVICES;
              case KERNEL -> dev.godwit.proto.v1.SectionGroup.SECTION_GROUP_KERNEL;
            })
        .setKind(name.kind())
        .setInstance(name.instance())
        .setVersion(name.version())
        .build();
  }

  private static SectionName fromProto(dev.godwit.proto.v1.SectionName name) {
    SectionGroup group =
        switch (name.getGroup()) {
          case SECTION_GROUP_DEVICES -> SectionGroup.DEVICES;
          case SECTION_GROUP_KERNEL -> SectionGroup.KERNEL;
          case SECTION_GROUP_UNSPECIFIED, UNRECOGNIZED ->
              throw new SnapshotException(
                  SnapshotException.Code.CORRUPT,
                  "section %s/%s is in the group %d, which does not exist"
                      .formatted(name.getKind(), name.getInstance(), name.getGroupValue()));
        };
    return new SectionName(group, name.getKind(), name.getInstance(), name.getVersion());
  }

  /** Returns a section's message, with its checksum. */
  public static dev.godwit.proto.v1.Section toProto(Section section) {
    return dev.godwit.proto.v1.Section.newBuilder()
        .setName(toProto(SectionName.of(section)))
        .setPayload(section.payload())
        .setCrc32C(crc32c(section.payload()))
        .setMessageType(section.messageType())
        .build();
  }

  /** Returns sections as they come out of a stream that they were written to. */
  public static List<Section> asReceived(List<Section> sections) {
    return sections.stream().map(section -> fromProto(toProto(section))).toList();
  }

  /**
   * Reads a section.
   *
   * @throws SnapshotException {@code CORRUPT} if its checksum does not match
   */
  public static Section fromProto(dev.godwit.proto.v1.Section message) {
    SectionName name = fromProto(message.getName());
    if (crc32c(message.getPayload()) != message.getCrc32C()) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "section " + name.title() + " has a wrong checksum: it was damaged");
    }
    return new Section(
        name.group(),
        name.kind(),
        name.instance(),
        name.version(),
        message.getMessageType(),
        message.getPayload());
  }

  private static int crc32c(ByteString bytes) {
    CRC32C crc = new CRC32C();
    bytes.asReadOnlyByteBufferList().forEach(crc::update);
    return (int) crc.getValue();
  }

  /** Returns the metadata's message. */
  public static dev.godwit.proto.v1.StreamMetadata toProto(StreamMetadata metadata) {
    return dev.godwit.proto.v1.StreamMetadata.newBuilder()
        .setMachineName(metadata.machineName())
        .setTakenAtMillis(metadata.takenAtMillis())
        .setGuestNanos(metadata.guestNanos())
        .setSectionsSha256(metadata.sectionsSha256())
        .setRamDigest(metadata.ramDigest())
        .setMemoryPages(metadata.memoryPages())
        .setZeroPages(metadata.zeroPages())
        .setPaused(metadata.paused())
        .build();
  }

  /** Reads metadata. */
  public static StreamMetadata fromProto(dev.godwit.proto.v1.StreamMetadata message) {
    return new StreamMetadata(
        message.getMachineName(),
        message.getTakenAtMillis(),
        message.getGuestNanos(),
        message.getSectionsSha256(),
        message.getRamDigest(),
        message.getMemoryPages(),
        message.getZeroPages(),
        message.getPaused());
  }

  /** Returns the digest that the metadata has of sections. */
  public static ByteString sha256(List<Section> sections) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Section section : sections) {
        section.payload().asReadOnlyByteBufferList().forEach(digest::update);
      }
      return ByteString.copyFrom(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /**
   * Checks that sections are those that the header announced and those that the metadata sums up.
   *
   * @throws SnapshotException naming what differs
   */
  public static void requireComplete(
      StreamHeader header, List<Section> sections, StreamMetadata metadata) {
    requireAnnounced(header, sections);
    requireDigest(sha256(sections), metadata);
  }

  /**
   * Checks that sections are those that the header announced.
   *
   * @throws SnapshotException naming what differs
   */
  public static void requireAnnounced(StreamHeader header, List<Section> sections) {
    for (int i = 0; i < Math.max(sections.size(), header.sections().size()); i++) {
      if (i == sections.size()) {
        throw new SnapshotException(
            SnapshotException.Code.MISSING_SECTION,
            "section " + header.sections().get(i).title() + " was announced but is missing");
      }
      SectionName came = SectionName.of(sections.get(i));
      if (i == header.sections().size() || !came.equals(header.sections().get(i))) {
        throw new SnapshotException(
            SnapshotException.Code.UNEXPECTED_SECTION,
            "section %s (version %d) is not what the header announced at place %d"
                .formatted(came.title(), came.version(), i));
      }
    }
  }

  /**
   * Checks that sections are those that the metadata sums up.
   *
   * @param sha256 the sections'
   * @throws SnapshotException {@code CORRUPT} if they are others
   */
  public static void requireDigest(ByteString sha256, StreamMetadata metadata) {
    if (!sha256.equals(metadata.sectionsSha256())) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT, "the sections are not those that the metadata sums up");
    }
  }
}
