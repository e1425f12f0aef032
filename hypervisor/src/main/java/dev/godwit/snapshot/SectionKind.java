package dev.godwit.snapshot;

import com.google.protobuf.ByteString;
import com.google.protobuf.DiscardUnknownFieldsParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * A kind of section: its name, the version that is written today, its payload's message, and how to
 * bring payloads of older versions up to date. A constant of its part's snapshot class.
 *
 * @param <M> the payload's message
 */
public final class SectionKind<M extends Message> {
  private final String name;
  private final SectionGroup group;
  private final int version;
  private final M prototype;
  private final Parser<M> parser;
  private final Parser<M> knowingParser;
  private final Map<Integer, UnaryOperator<ByteString>> upgrades;

  /**
   * @param name unique among kinds, lower case: "uart"
   * @param version ≥ 1
   * @param prototype the message's default instance
   * @param upgrades for each older version v, the step that turns a payload of v into one of v + 1
   */
  @SuppressWarnings("unchecked") // a message's parser makes messages of its type
  public SectionKind(
      String name,
      SectionGroup group,
      int version,
      M prototype,
      Map<Integer, UnaryOperator<ByteString>> upgrades) {
    for (int v = 1; v < version; v++) {
      if (!upgrades.containsKey(v)) {
        throw new IllegalArgumentException(name + " has no upgrade step from version " + v);
      }
    }
    this.name = name;
    this.group = group;
    this.version = version;
    this.prototype = prototype;
    this.parser = (Parser<M>) prototype.getParserForType();
    this.knowingParser = DiscardUnknownFieldsParser.wrap(parser);
    this.upgrades = Map.copyOf(upgrades);
  }

  /** Makes a kind in its first version. */
  public static <M extends Message> SectionKind<M> first(
      String name, SectionGroup group, M prototype) {
    return new SectionKind<>(name, group, 1, prototype, Map.of());
  }

  /** Returns the name. */
  public String name() {
    return name;
  }

  /** Returns where in the stream it stands. */
  public SectionGroup group() {
    return group;
  }

  /** Returns the version that is written. */
  public int version() {
    return version;
  }

  /** Returns the payload message's default instance. */
  public M prototype() {
    return prototype;
  }

  /**
   * Reads a payload of this or an older version.
   *
   * @throws SnapshotException {@code TOO_NEW} or {@code CORRUPT}, naming the section; a field that
   *     this version does not know is refused too: it is state that would be lost
   */
  public M parse(String instance, int payloadVersion, ByteString payload) {
    if (payloadVersion > version || payloadVersion < 1) {
      throw new SnapshotException(
          SnapshotException.Code.TOO_NEW,
          "section %s/%s has version %d; this godwit reads versions 1 to %d: use a newer godwit"
              .formatted(name, instance, payloadVersion, version));
    }
    try {
      ByteString current = payload;
      for (int v = payloadVersion; v < version; v++) {
        UnaryOperator<ByteString> step = upgrades.get(v);
        if (step == null) {
          throw new IllegalStateException(name + " " + v);
        }
        current = step.apply(current);
      }
      M known = knowingParser.parseFrom(current);
      // What another godwit of this version wrote comes out again byte for byte, which proves in a
      // moment that nothing was dropped. To visit every field takes milliseconds in a young
      // process, and this is done while a guest stands still.
      if (known.toByteString().equals(current)) {
        return known;
      }
      M message = parser.parseFrom(current);
      if (hasUnknownFields(message)) {
        throw new SnapshotException(
            SnapshotException.Code.CORRUPT,
            "section %s/%s has fields that its version %d does not have: they would be lost"
                .formatted(name, instance, payloadVersion));
      }
      return message;
    } catch (InvalidProtocolBufferException e) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "section %s/%s does not parse: %s".formatted(name, instance, e.getMessage()),
          e);
    }
  }

  private static boolean hasUnknownFields(Message message) {
    return !message.getUnknownFields().asMap().isEmpty()
        || message.getAllFields().values().stream()
            .anyMatch(
                value ->
                    value instanceof Message one && hasUnknownFields(one)
                        || value instanceof List<?> list
                            && list.stream()
                                .anyMatch(
                                    each -> each instanceof Message m && hasUnknownFields(m)));
  }
}
