package dev.godwit.snapshot.file;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.proto.v1.SnapshotMemory;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.stream.StreamCodec;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A FILE.kern: everything of a snapshot but the pages themselves.
 *
 * @param header the machine and what is to come
 * @param snapshotId 16 bytes that all files of the snapshot have in common, in hexadecimal digits
 * @param checksums a checksum for each page of RAM, be it in FILE or in a file that this builds on
 * @param own what FILE has of RAM, if the snapshot is incremental; null if it has all of it
 * @param sections devices, then kernel
 * @param metadata what sums it up
 */
public record KernFile(
    StreamHeader header,
    String snapshotId,
    PageChecksums checksums,
    @Nullable OwnPages own,
    List<Section> sections,
    StreamMetadata metadata) {
  private static final int ID_BYTES = 16;

  /** Copies the list. */
  public KernFile {
    sections = List.copyOf(sections);
  }

  /**
   * Writes it.
   *
   * @return what the file is now
   */
  public FileDigest write(OutputStream out) throws IOException {
    MessageDigest digest = Digests.sha256();
    DigestOutputStream digesting = new DigestOutputStream(out, digest);
    long bytes = KernFrame.MAGIC.size();
    KernFrame.MAGIC.writeTo(digesting);
    bytes += frame(digesting, KernFrame.Type.HEADER, StreamCodec.toProto(header));
    bytes +=
        frame(
            digesting,
            KernFrame.Type.MEMORY,
            SnapshotMemory.newBuilder()
                .setSnapshotId(bytes(snapshotId))
                .setFileBytes((long) checksums.pages() << GuestMemory.PAGE_SHIFT)
                .setPageBytes(GuestMemory.PAGE_BYTES)
                .setBaseSnapshotId(own == null ? ByteString.EMPTY : bytes(own.baseId()))
                .build());
    for (int chunk = 0; chunk < checksums.chunks(); chunk++) {
      bytes += frame(digesting, KernFrame.Type.CHECKSUMS, checksums.chunk(chunk));
    }
    for (int chunk = 0; own != null && chunk < own.chunks(); chunk++) {
      bytes += frame(digesting, KernFrame.Type.OWN_PAGES, own.chunk(chunk));
    }
    for (Section section : sections) {
      bytes += frame(digesting, KernFrame.Type.SECTION, StreamCodec.toProto(section));
    }
    bytes += frame(digesting, KernFrame.Type.METADATA, StreamCodec.toProto(metadata));
    bytes += frame(digesting, KernFrame.Type.END, ByteString.copyFrom(Digests.soFar(digest)));
    digesting.flush();
    return new FileDigest(bytes, HexFormat.of().formatHex(digest.digest()));
  }

  private static ByteString bytes(String id) {
    return ByteString.copyFrom(HexFormat.of().parseHex(id));
  }

  private static long frame(OutputStream out, KernFrame.Type type, MessageLite message)
      throws IOException {
    return frame(out, type, message.toByteString());
  }

  private static long frame(OutputStream out, KernFrame.Type type, ByteString body)
      throws IOException {
    if (body.size() > type.maxBytes()) {
      throw new IllegalStateException(type + " of " + body.size() + " bytes");
    }
    out.write(KernFrame.Head.write(type, body).array());
    body.writeTo(out);
    return KernFrame.HEAD_BYTES + body.size();
  }

  /**
   * Reads and checks a file: frames, their order and checksums, and that the sections are those
   * that were announced.
   *
   * @throws SnapshotException naming what is wrong and where
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG}
   */
  public static KernFile read(Path file) {
    try (KernFrames frames = KernFrames.open(file)) {
      return new Reading(file, frames).read();
    }
  }

  /** Says whether a file is there and begins like one, whole or not. */
  public static boolean isOne(Path file) {
    try (KernFrames frames = KernFrames.open(file)) {
      return true;
    } catch (SnapshotException e) {
      return false;
    }
  }

  /** One file being read, frame by frame. */
  private static final class Reading {
    private final Path file;
    private final KernFrames frames;
    private KernFrame frame;

    Reading(Path file, KernFrames frames) {
      this.file = file;
      this.frames = frames;
      this.frame = advance();
    }

    KernFile read() {
      StreamHeader header =
          StreamCodec.fromProto(
              parse(KernFrame.Type.HEADER, dev.godwit.proto.v1.StreamHeader.parser()));
      frame = advance();
      SnapshotMemory memory = parse(KernFrame.Type.MEMORY, SnapshotMemory.parser());
      requireMemory(memory, header);
      PageChecksums checksums = PageChecksums.toBeRead(memory.getFileBytes());
      frame = advance();
      while (!checksums.isComplete()) {
        if (!checksums.read(body(KernFrame.Type.CHECKSUMS))) {
          throw corrupt("has the wrong length");
        }
        frame = advance();
      }
      OwnPages own = readOwnPages(memory, header);
      List<Section> sections = new ArrayList<>();
      while (frame.type() == KernFrame.Type.SECTION) {
        if (sections.size() == header.sections().size()) {
          // Before the rest is read: whatever comes beyond what was announced is not kept.
          throw new SnapshotException(
              SnapshotException.Code.UNEXPECTED_SECTION,
              file + " has more sections than its header announces: " + frame.title());
        }
        sections.add(
            StreamCodec.fromProto(
                parse(KernFrame.Type.SECTION, dev.godwit.proto.v1.Section.parser())));
        frame = advance();
      }
      StreamMetadata metadata =
          StreamCodec.fromProto(
              parse(KernFrame.Type.METADATA, dev.godwit.proto.v1.StreamMetadata.parser()));
      frame = advance();
      if (!body(KernFrame.Type.END).equals(ByteString.copyFrom(frames.digestBeforeFrame()))) {
        throw corrupt("is not the digest of what comes before it");
      }
      if (frames.next() != null) {
        throw new SnapshotException(
            SnapshotException.Code.CORRUPT, file + " goes on after its end");
      }
      StreamCodec.requireComplete(header, sections, metadata);
      return new KernFile(
          header,
          HexFormat.of().formatHex(memory.getSnapshotId().toByteArray()),
          checksums,
          own,
          sections,
          metadata);
    }

    private @Nullable OwnPages readOwnPages(SnapshotMemory memory, StreamHeader header) {
      if (memory.getBaseSnapshotId().isEmpty()) {
        return null;
      }
      OwnPages.Reading reading =
          new OwnPages.Reading(memory.getFileBytes() >>> GuestMemory.PAGE_SHIFT);
      while (!reading.isComplete()) {
        if (!reading.read(body(KernFrame.Type.OWN_PAGES))) {
          throw corrupt("has the wrong length, or pages beyond the end of FILE");
        }
        PageSet pages = reading.pages();
        if (header.config().ramBytes() > GuestMemory.HOLE_START_GPA
            && pages.next(
                    GuestMemory.HOLE_START_GPA >>> GuestMemory.PAGE_SHIFT,
                    GuestMemory.HOLE_END_GPA >>> GuestMemory.PAGE_SHIFT)
                >= 0) {
          throw corrupt("has pages that are not RAM");
        }
        frame = advance();
      }
      return new OwnPages(
          HexFormat.of().formatHex(memory.getBaseSnapshotId().toByteArray()), reading.pages());
    }

    private KernFrame advance() {
      KernFrame next = frames.next();
      if (next == null) {
        throw new SnapshotException(
            SnapshotException.Code.TRUNCATED,
            "%s is cut off: it ends at byte %d, without a last frame"
                .formatted(file, frames.fileBytes()));
      }
      return next;
    }

    private ByteString body(KernFrame.Type expected) {
      if (!frame.intact()) {
        throw corrupt("has a wrong checksum");
      }
      if (frame.type() != expected) {
        throw corrupt("stands where a frame " + expected + " must be");
      }
      return frame.body();
    }

    private <M extends MessageLite> M parse(
        KernFrame.Type expected, com.google.protobuf.Parser<M> parser) {
      ByteString body = body(expected);
      try {
        return parser.parseFrom(body);
      } catch (InvalidProtocolBufferException e) {
        throw corrupt("does not parse: " + e.getMessage());
      }
    }

    private void requireMemory(SnapshotMemory memory, StreamHeader header) {
      if (memory.getSnapshotId().size() != ID_BYTES
          || (!memory.getBaseSnapshotId().isEmpty()
              && memory.getBaseSnapshotId().size() != ID_BYTES)
          || memory.getPageBytes() != GuestMemory.PAGE_BYTES
          || memory.getFileBytes() != GuestMemory.topGpa(header.config().ramBytes())
          || (memory.getFileBytes() >>> GuestMemory.PAGE_SHIFT) * Integer.BYTES
              > frames.fileBytes()) {
        // The last: as many checksums as that are not in this file, whatever it says.
        throw corrupt("does not describe the RAM of the machine in the header");
      }
    }

    private SnapshotException corrupt(String what) {
      return new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "%s is damaged: its %s %s".formatted(file, frame.title(), what));
    }
  }
}
