package dev.godwit.stream;

import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.SectionGroup;

/**
 * A section as a header announces it.
 *
 * @param group where in the stream
 * @param kind name of the kind
 * @param instance which one of its kind
 * @param version the payload's version
 */
public record SectionName(SectionGroup group, String kind, String instance, int version) {
  /** Returns the name of a section. */
  public static SectionName of(Section section) {
    return new SectionName(section.group(), section.kind(), section.instance(), section.version());
  }

  /** Returns {@code kind/instance}, as messages name it. */
  public String title() {
    return kind + "/" + instance;
  }
}
