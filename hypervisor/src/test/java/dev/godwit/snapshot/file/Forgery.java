package dev.godwit.snapshot.file;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.godwit.proto.v1.Section;
import dev.godwit.proto.v1.StreamHeader;
import dev.godwit.proto.v1.StreamMetadata;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * A snapshot changed by somebody who knows the format: every checksum and digest is right
 * afterwards, so that only what a section or header says can be what is refused.
 */
public final class Forgery {
  private static final String SEAL = "  \"sha256_of_all_above\": \"";

  private final SnapshotPaths paths;
  private final List<KernFrame> frames = new ArrayList<>();

  private Forgery(SnapshotPaths paths) {
    this.paths = paths;
  }

  /** Begins with a snapshot that is whole. */
  public static Forgery of(Path file) {
    Forgery forgery = new Forgery(new SnapshotPaths(file));
    try (KernFrames frames = KernFrames.open(forgery.paths.kern())) {
      for (KernFrame frame = frames.next(); frame != null; frame = frames.next()) {
        forgery.frames.add(frame);
      }
    }
    return forgery;
  }

  /** Changes the header. */
  public Forgery header(Consumer<StreamHeader.Builder> change) {
    frames.replaceAll(
        frame -> {
          if (frame.type() != KernFrame.Type.HEADER) {
            return frame;
          }
          StreamHeader.Builder header = parse(frame, StreamHeader.parser()).toBuilder();
          change.accept(header);
          return frame(KernFrame.Type.HEADER, header.build().toByteString());
        });
    return this;
  }

  /** Changes the sections; their payloads' checksums are made right. */
  public Forgery sections(Consumer<List<Section>> change) {
    List<Section> sections = new ArrayList<>();
    int first = -1;
    for (int i = 0; i < frames.size(); i++) {
      if (frames.get(i).type() == KernFrame.Type.SECTION) {
        first = first < 0 ? i : first;
        sections.add(parse(frames.get(i), Section.parser()));
      }
    }
    change.accept(sections);
    frames.removeIf(frame -> frame.type() == KernFrame.Type.SECTION);
    List<KernFrame> forged = new ArrayList<>();
    MessageDigest digest = Digests.sha256();
    for (Section section : sections) {
      digest.update(section.getPayload().toByteArray());
      forged.add(
          frame(
              KernFrame.Type.SECTION,
              section.toBuilder()
                  .setCrc32C(KernFrame.crc(section.getPayload()))
                  .build()
                  .toByteString()));
    }
    frames.addAll(first, forged);
    return metadata(metadata -> metadata.setSectionsSha256(ByteString.copyFrom(digest.digest())));
  }

  /** Changes the metadata. */
  public Forgery metadata(Consumer<StreamMetadata.Builder> change) {
    frames.replaceAll(
        frame -> {
          if (frame.type() != KernFrame.Type.METADATA) {
            return frame;
          }
          StreamMetadata.Builder metadata = parse(frame, StreamMetadata.parser()).toBuilder();
          change.accept(metadata);
          return frame(KernFrame.Type.METADATA, metadata.build().toByteString());
        });
    return this;
  }

  private static <M> M parse(KernFrame frame, com.google.protobuf.Parser<M> parser) {
    try {
      return parser.parseFrom(frame.body());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static KernFrame frame(KernFrame.Type type, ByteString body) {
    return new KernFrame(type, type.code(), 0, body, true);
  }

  /** Replaces FILE.kern, and what FILE.meta says of it. */
  public void write() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(KernFrame.MAGIC.toByteArray());
    for (KernFrame frame : frames) {
      KernFrame.Type type = frame.type();
      if (type == null) {
        throw new IllegalArgumentException(frame.title());
      }
      ByteString body =
          type == KernFrame.Type.END
              ? ByteString.copyFrom(Digests.sha256().digest(out.toByteArray()))
              : frame.body();
      out.writeBytes(KernFrame.Head.write(type, body).array());
      out.writeBytes(body.toByteArray());
    }
    byte[] kern = out.toByteArray();
    try {
      SnapshotManifest old = ManifestCodec.read(paths.meta());
      Files.write(paths.kern(), kern);
      String digest = HexFormat.of().formatHex(Digests.sha256().digest(kern));
      reseal(
          paths.ram(),
          json ->
              json.replace(old.kern().sha256(), digest)
                  .replace("\"bytes\": " + old.kern().bytes(), "\"bytes\": " + kern.length));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Changes what FILE.meta says and seals it again. */
  public static void reseal(Path file, UnaryOperator<String> change) {
    Path meta = new SnapshotPaths(file).meta();
    try {
      String text = Files.readString(meta);
      String above = change.apply(text.substring(0, text.lastIndexOf(SEAL)));
      String digest =
          HexFormat.of().formatHex(Digests.sha256().digest(above.getBytes(StandardCharsets.UTF_8)));
      Files.writeString(meta, above + SEAL + digest + "\"\n}\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
