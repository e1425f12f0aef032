package dev.godwit.device;

import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.InterruptLines;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

/** Interrupt wires that remember what was driven on them. */
public final class RecordedLines implements InterruptLines {
  /** A message-signalled interrupt. */
  public record Msi(long address, int data) {}

  private final Set<Integer> high = new ConcurrentSkipListSet<>();
  private final List<Msi> messages = new ArrayList<>();

  @Override
  public InterruptLine line(int gsi) {
    return asserted -> {
      if (asserted) {
        high.add(gsi);
      } else {
        high.remove(gsi);
      }
    };
  }

  @Override
  public synchronized void sendMsi(long address, int data) {
    messages.add(new Msi(address, data));
  }

  /** Says whether a wire is high. */
  public boolean isHigh(int gsi) {
    return high.contains(gsi);
  }

  /** Returns the GSIs of the wires that are high. */
  public Set<Integer> high() {
    return Set.copyOf(high);
  }

  /** Returns the messages sent so far. */
  public synchronized List<Msi> messages() {
    return List.copyOf(messages);
  }
}
