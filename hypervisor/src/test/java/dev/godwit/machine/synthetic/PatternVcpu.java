package dev.godwit.machine.synthetic;

import dev.godwit.cpu.CodeHint;
import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuState;
import dev.godwit.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * A vCPU whose program is: step n rewrites page n mod {@code pages} of its working set with content
 * that only step n writes. So the step counter, which is all of its state, says what every page
 * must hold; before a page is rewritten, and whenever {@link #mismatch} is asked, that is checked.
 * The counter travels in a section and the pages in the stream: if they do not fit, the migration
 * lost something.
 */
final class PatternVcpu implements Vcpu {
  /** A page is stored in pieces, so that a copy made meanwhile is torn. */
  private static final int PIECE_BYTES = 512;

  private static final int PACE_STEPS = 16;

  private static final int HINTED_PAGES = 4;

  private final List<CodeHint> decoded = new CopyOnWriteArrayList<>();
  private final int index;
  private final GuestMemory memory;
  private final long firstGfn;
  private final long pages;
  private final long stepsPerSecond;
  private final int changedBytes;
  private final byte[] page = new byte[GuestMemory.PAGE_BYTES];

  private volatile boolean exitRequested;
  private volatile long step;
  private volatile String mismatch = "";

  PatternVcpu(
      int index,
      GuestMemory memory,
      long firstGfn,
      long pages,
      long stepsPerSecond,
      int changedBytes) {
    this.index = index;
    this.memory = memory;
    this.firstGfn = firstGfn;
    this.pages = pages;
    this.stepsPerSecond = stepsPerSecond;
    this.changedBytes = changedBytes;
  }

  /** Writes the working set for the first time. */
  void boot() {
    while (step < pages) {
      writeNext();
    }
  }

  long step() {
    return step;
  }

  void setStep(long value) {
    step = value;
  }

  @Override
  public int index() {
    return index;
  }

  @Override
  public Exit run() {
    long startNanos = System.nanoTime();
    long steps = 0;
    while (!exitRequested) {
      if (stepsPerSecond > 0 && steps % PACE_STEPS == 0) {
        long aheadNanos =
            steps * 1_000_000_000L / stepsPerSecond - (System.nanoTime() - startNanos);
        if (aheadNanos > 0) {
          LockSupport.parkNanos(this, Math.min(aheadNanos, 1_000_000));
          continue;
        }
      }
      checkPage(step % pages);
      writeNext();
      steps++;
    }
    exitRequested = false;
    return Exit.REQUESTED;
  }

  private void writeNext() {
    long current = step;
    long gpa = (firstGfn + current % pages) << GuestMemory.PAGE_SHIFT;
    fill(current);
    int bytes = changedBytes == 0 || current < pages ? page.length : changedBytes;
    for (int offset = 0; offset < bytes; offset += PIECE_BYTES) {
      memory.copyIn(
          gpa + offset,
          MemorySegment.ofArray(page).asSlice(offset, Math.min(PIECE_BYTES, bytes - offset)));
    }
    step = current + 1;
  }

  /** Makes what a page holds after a step. */
  private void fill(long ofStep) {
    if (changedBytes == 0) {
      Pattern.fill(page, index, ofStep);
    } else {
      byte[] changed = new byte[changedBytes];
      Pattern.fill(changed, index, ofStep);
      Pattern.fill(page, index, ofStep % pages);
      System.arraycopy(changed, 0, page, 0, changedBytes);
    }
  }

  /**
   * Checks every page of the working set; returns what is wrong, or nothing. Only while {@link
   * #run} is not executing.
   */
  String check() {
    for (long i = 0; i < pages; i++) {
      checkPage(i);
    }
    return mismatch;
  }

  private void checkPage(long i) {
    long next = step;
    if (next < pages) {
      return;
    }
    // The last step below the next one that wrote page i.
    long writer = next - 1 - Math.floorMod(next - 1 - i, pages);
    fill(writer);
    if (!Pattern.matches(memory, firstGfn + i, page) && mismatch.isEmpty()) {
      mismatch =
          "vCPU %d at step %d: page %d does not hold what step %d wrote; its first word is %x"
              .formatted(
                  index, next, i, writer, memory.read64((firstGfn + i) << GuestMemory.PAGE_SHIFT));
    }
  }

  String mismatch() {
    return mismatch;
  }

  @Override
  public void wake() {
    LockSupport.parkNanos(0);
  }

  @Override
  public void requestExit() {
    exitRequested = true;
  }

  /** Says that it executes the first pages of its working set. */
  @Override
  public void askForRecentCode(int most, Consumer<List<CodeHint>> answer) {
    List<CodeHint> code = new ArrayList<>();
    for (long gfn = firstGfn; gfn < firstGfn + Math.min(most, HINTED_PAGES); gfn++) {
      code.add(new CodeHint(gfn << GuestMemory.PAGE_SHIFT | index, gfn, (gfn & 1) != 0));
    }
    answer.accept(code);
  }

  @Override
  public void decodeAhead(long gfn, byte[] content, List<CodeHint> hints) {
    for (CodeHint hint : hints) {
      if (hint.gfn() == gfn && content[content.length - 1] != 0) {
        decoded.add(hint);
      }
    }
  }

  /** Returns what it was told to decode, of pages that had landed whole. */
  List<CodeHint> decoded() {
    return List.copyOf(decoded);
  }

  @Override
  public VcpuState save() {
    throw new UnsupportedOperationException("its state is a counter");
  }

  @Override
  public void restore(VcpuState state) {
    throw new UnsupportedOperationException("its state is a counter");
  }

  @Override
  public void close() {}
}
