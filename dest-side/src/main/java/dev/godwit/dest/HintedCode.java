package dev.godwit.dest;

import dev.godwit.cpu.CodeHint;
import dev.godwit.machine.Machine;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageScanner;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets an arriving machine decode the code that its guest executes at the source, page by page, as
 * soon as a page has landed. What comes too late, or changes again, is decoded when it is executed.
 *
 * <p>A thread of its own, from the first hint on until {@link #close}.
 */
final class HintedCode implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HintedCode.class);

  /** A machine's hints beyond this number are ignored. */
  private static final int MOST = 16_384;

  /** So often it is looked whether a page has landed. */
  private static final long RETRY_MILLIS = 5;

  /** Copies a page of RAM; throws when no more pages land. */
  interface PageReader {
    byte[] copyOf(long gfn);
  }

  private record Place(int vcpu, long gfn) {}

  private final Machine machine;
  private final PageReader reader;

  /** What has not been decoded yet. */
  private final Map<Place, List<CodeHint>> waiting = new LinkedHashMap<>();

  private int taken;
  private boolean started;
  private volatile boolean closed;

  HintedCode(Machine machine, PageReader reader) {
    this.machine = machine;
    this.reader = reader;
  }

  /** Takes hints; those about what is no RAM are ignored. Any thread. */
  synchronized void add(int vcpu, List<CodeHint> code) {
    GuestMemory memory = machine.memory();
    for (CodeHint hint : code) {
      boolean inRam =
          hint.gfn() >= 0
              && hint.gfn() < memory.framePages()
              && memory.isRam(hint.gfn() << GuestMemory.PAGE_SHIFT, GuestMemory.PAGE_BYTES);
      if (inRam && taken < MOST) {
        taken++;
        waiting.computeIfAbsent(new Place(vcpu, hint.gfn()), p -> new ArrayList<>()).add(hint);
      }
    }
    if (!started && !closed && !waiting.isEmpty()) {
      started = true;
      Thread.ofPlatform().daemon().name("receiver-decode").start(this::work);
    }
    notifyAll();
  }

  private void work() {
    try {
      while (!closed) {
        for (Map.Entry<Place, List<CodeHint>> some : snapshot().entrySet()) {
          if (closed) {
            return;
          }
          decode(some.getKey(), some.getValue());
        }
        pause();
      }
    } catch (ReceiveException e) {
      LOG.debug("no more pages to decode", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized Map<Place, List<CodeHint>> snapshot() {
    Map<Place, List<CodeHint>> copy = new LinkedHashMap<>();
    waiting.forEach((place, code) -> copy.put(place, List.copyOf(code)));
    return copy;
  }

  private void decode(Place place, List<CodeHint> code) {
    byte[] page = reader.copyOf(place.gfn);
    if (PageScanner.isZero(MemorySegment.ofArray(page), 0)) {
      return; // it has not landed yet
    }
    machine.decodeAhead(place.vcpu, place.gfn, page, code);
    synchronized (this) {
      List<CodeHint> left = waiting.get(place);
      if (left != null) {
        left.removeAll(code);
        if (left.isEmpty()) {
          waiting.remove(place);
        }
      }
    }
  }

  private synchronized void pause() throws InterruptedException {
    if (!closed) {
      wait(waiting.isEmpty() ? 0 : RETRY_MILLIS);
    }
  }

  /** Decodes nothing more: what is under way is of no harm. Any thread; never waits long. */
  @Override
  public synchronized void close() {
    closed = true;
    waiting.clear();
    notifyAll();
  }
}
