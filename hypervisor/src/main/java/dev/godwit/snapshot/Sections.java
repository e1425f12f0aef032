package dev.godwit.snapshot;

import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Turns the parts of a machine into sections and back, in stream order. */
public final class Sections {
  private Sections() {}

  /**
   * Saves every part that has state: devices first, then kernel, each group in the order of {@code
   * parts}.
   */
  public static List<Section> save(List<StatePart> parts) {
    List<Section> sections = new ArrayList<>();
    Set<String> titles = new HashSet<>();
    for (SectionGroup group : SectionGroup.values()) {
      for (StatePart part : parts) {
        if (part instanceof SavedPart<?> saved && saved.kind().group() == group) {
          Section section = save(saved);
          if (!titles.add(section.title())) {
            throw new IllegalStateException("two parts save as " + section.title());
          }
          sections.add(section);
        }
      }
    }
    return List.copyOf(sections);
  }

  private static <M extends Message> Section save(SavedPart<M> part) {
    SectionKind<M> kind = part.kind();
    M state = part.save();
    return new Section(
        kind.group(),
        kind.name(),
        part.instance(),
        kind.version(),
        state.getDescriptorForType().getFullName(),
        state.toByteString());
  }

  /**
   * Restores every part from its section. All sections are matched and parsed before the first part
   * is changed.
   *
   * @throws SnapshotException naming the section that is missing, twice, unknown, out of order, too
   *     new or malformed
   */
  public static void restore(List<StatePart> parts, List<Section> sections) {
    Map<String, Section> byTitle = new LinkedHashMap<>();
    SectionGroup group = SectionGroup.DEVICES;
    for (Section section : sections) {
      if (section.group().compareTo(group) < 0) {
        throw unexpected(section, "comes after a section of the group " + group);
      }
      group = section.group();
      if (byTitle.put(section.title(), section) != null) {
        throw unexpected(section, "comes twice");
      }
    }
    List<Runnable> steps = new ArrayList<>();
    int position = -1;
    List<String> order = List.copyOf(byTitle.keySet());
    for (SectionGroup current : SectionGroup.values()) {
      for (StatePart part : parts) {
        if (part instanceof SavedPart<?> saved && saved.kind().group() == current) {
          Section section = byTitle.remove(saved.kind().name() + "/" + saved.instance());
          if (section == null) {
            throw new SnapshotException(
                SnapshotException.Code.MISSING_SECTION,
                "section %s/%s is missing: the machine cannot be whole without it"
                    .formatted(saved.kind().name(), saved.instance()));
          }
          int at = order.indexOf(section.title());
          if (at < position) {
            throw unexpected(section, "is out of order");
          }
          position = at;
          if (section.group() != current) {
            throw unexpected(section, "is in the group " + section.group());
          }
          steps.add(restoreStep(saved, section));
        }
      }
    }
    for (Section left : byTitle.values()) {
      throw unexpected(left, "is for a part that this machine does not have");
    }
    steps.forEach(Runnable::run);
  }

  private static <M extends Message> Runnable restoreStep(SavedPart<M> part, Section section) {
    M state = part.kind().parse(section.instance(), section.version(), section.payload());
    return () -> part.restore(state);
  }

  private static SnapshotException unexpected(Section section, String what) {
    return new SnapshotException(
        SnapshotException.Code.UNEXPECTED_SECTION, "section " + section.title() + " " + what);
  }
}
