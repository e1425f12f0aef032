package dev.godwit.snapshot;

import com.google.protobuf.ByteString;

/**
 * A part's state as it travels.
 *
 * @param group where in the stream
 * @param kind name of the kind
 * @param instance which one of its kind
 * @param version the payload's version
 * @param messageType full protobuf name of the payload's message
 * @param payload the serialised message
 */
public record Section(
    SectionGroup group,
    String kind,
    String instance,
    int version,
    String messageType,
    ByteString payload) {
  /** Returns {@code kind/instance}, as messages name it. */
  public String title() {
    return kind + "/" + instance;
  }
}
