package dev.godwit.device.pci;

import dev.godwit.device.DeviceBus;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides which BARs answer. A guest may place two on each other, on purpose or while it moves
 * them: then the one that was added first answers, whatever the order in which they were placed, so
 * that a restored machine decodes as the original did.
 */
final class BarDecoder {
  private record Entry(Bar bar, DeviceBus bus) {}

  private final List<Entry> entries = new ArrayList<>();

  synchronized void add(Bar bar, DeviceBus bus) {
    entries.add(new Entry(bar, bus));
  }

  /** Takes notice of where a function's registers place its BARs now. */
  synchronized void place(List<Bar> bars, ConfigSpace config) {
    boolean changed = false;
    for (Bar bar : bars) {
      long base = bar.placed(config);
      changed |= base != bar.wanted();
      bar.want(base);
    }
    if (changed) {
      decode();
    }
  }

  private void decode() {
    List<Entry> answering = new ArrayList<>();
    for (Entry entry : entries) {
      if (entry.bar.wanted() != Bar.NOWHERE
          && answering.stream().noneMatch(other -> other.bar.collidesWith(entry.bar))) {
        answering.add(entry);
      }
    }
    for (Entry entry : entries) {
      entry.bar.unmapUnlessAt(
          answering.contains(entry) ? entry.bar.wanted() : Bar.NOWHERE, entry.bus);
    }
    for (Entry entry : answering) {
      entry.bar.mapAt(entry.bar.wanted(), entry.bus);
    }
  }
}
