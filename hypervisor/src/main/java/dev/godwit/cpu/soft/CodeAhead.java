package dev.godwit.cpu.soft;

import dev.godwit.cpu.CodeHint;
import dev.godwit.cpu.CpuModel;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.HostMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Blocks that were decoded before their vCPU ran, by page, each with a copy of the page that they
 * come from: they count only if RAM still is the same when the vCPU comes to them. So neither a
 * wrong hint nor a page that came anew does any harm.
 *
 * <p>Only 64-bit code: what its bytes mean depends on nothing but RIP and the CPU's model. Threads:
 * one that decodes, then the vCPU's.
 */
final class CodeAhead {
  /** Beyond this many instructions, some ten megabytes, nothing more is decoded. */
  private static final int MAX_INSNS = 100_000;

  /** What was not executed so long after the vCPU first looked will hardly be. */
  private static final long KEPT_NANOS = 5_000_000_000L;

  private record Page(byte[] content, List<Block> blocks) {
    private boolean has(long rip, int mode) {
      return blocks.stream().anyMatch(block -> block.rip == rip && block.mode == mode);
    }
  }

  private final BlockDecoder decoder;
  private final Map<Long, Page> pages = new ConcurrentHashMap<>();
  private int insns;
  private boolean used;
  private long firstUseNanos;

  CodeAhead(CpuModel model) {
    this.decoder = new BlockDecoder(model);
  }

  /**
   * Decodes what hints say of one page, beside what was decoded of it before if it is the same
   * still.
   *
   * @param content the page, which is kept
   */
  synchronized void decode(long gfn, byte[] content, List<CodeHint> hints) {
    Page before = pages.get(gfn);
    Page page =
        before != null && Arrays.equals(before.content, content)
            ? new Page(before.content, new ArrayList<>(before.blocks))
            : new Page(content, new ArrayList<>());
    for (CodeHint hint : hints) {
      int mode = SoftCpu.MODE_64 | (hint.user() ? SoftCpu.MODE_USER : 0);
      boolean room = insns < MAX_INSNS && page.blocks.size() < BlockCache.MAX_BLOCKS_IN_PAGE;
      if (hint.gfn() == gfn && room && !page.has(hint.rip(), mode)) {
        decode(hint.rip(), mode, page, gfn);
      }
    }
    if (!page.blocks.isEmpty()) {
      pages.put(gfn, page);
    }
  }

  private void decode(long rip, int mode, Page page, long gfn) {
    int offset = (int) rip & 0xFFF;
    try {
      Block block =
          decoder.decode(
              new PageCode(page.content, offset), rip, mode, gfn << 12 | offset, 64, false, false);
      insns += block.code.length;
      page.blocks.add(block);
    } catch (GuestFault fault) {
      // No instruction, or one that goes on in the next page: it is decoded when it is executed.
    }
  }

  /** Says whether there is anything of a page. */
  boolean has(long gfn) {
    return !pages.isEmpty() && pages.containsKey(gfn);
  }

  /** Takes a page's blocks out: none if the page is not what it was. */
  List<Block> take(long gfn, GuestMemory memory) {
    long now = System.nanoTime();
    if (!used) {
      used = true;
      firstUseNanos = now;
    }
    Page page = pages.remove(gfn);
    if (now - firstUseNanos > KEPT_NANOS) {
      pages.clear();
    }
    return page != null && isSame(page, memory.baseHva() + (gfn << 12)) ? page.blocks : List.of();
  }

  private static boolean isSame(Page page, long hva) {
    int bytes = page.content.length;
    MemorySegment copy = MemorySegment.ofArray(page.content);
    return MemorySegment.mismatch(copy, 0, bytes, HostMemory.ALL, hva, hva + bytes) < 0;
  }

  /** A page's bytes from an instruction on; what comes after the page is not known. */
  static final class PageCode implements BlockDecoder.Code {
    private final byte[] page;
    private int at;

    PageCode(byte[] page, int at) {
      this.page = page;
      this.at = at;
    }

    /** Returns where the instruction is in the page; the page's length after its last one. */
    int at() {
      return at;
    }

    @Override
    public int byteAt(int offset) {
      if (at + offset >= page.length) {
        throw GuestFault.of(GuestFault.PF);
      }
      return page[at + offset] & 0xFF;
    }

    @Override
    public void advance(int bytes) {
      at += bytes;
    }

    @Override
    public long secondGpa() {
      return -1;
    }
  }
}
