package dev.godwit.cpu.soft;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.HostMemory;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A vCPU's decoded code: found by (gpa, RIP, mode), dropped when the bytes are written.
 *
 * <p>The <i>epoch</i> grows whenever a fetch might translate differently than before. A block
 * carries the epoch in which its translation was last looked up, so that chained blocks need no
 * more than a compare. Threads: the vCPU's, but for {@link #post}.
 */
final class BlockCache implements BlockDecoder.Code {
  private static final int JUMP_ENTRIES = 8192;
  private static final int PAGE_CHUNK_SHIFT = 10;

  /**
   * A page with more blocks than this starts anew: the same bytes were decoded for many addresses.
   */
  static final int MAX_BLOCKS_IN_PAGE = 1024;

  /** Beyond this many instructions the whole cache starts anew. */
  private static final int MAX_INSNS = 1_500_000;

  /** Added to a mode: a block of one instruction, for stepping. */
  private static final int SINGLE = 16;

  /** The mode's bits in an epoch. */
  private static final int MODE_BITS = 5;

  private final SoftCpu c;
  private final GuestMemory memory;
  private final CodeMap codeMap;
  private final @Nullable CodePage[] @Nullable [] pages;
  private final Block[] jumps = new Block[JUMP_ENTRIES];
  private final BlockDecoder decoder;

  /** What was decoded elsewhere before this vCPU ran. */
  private final CodeAhead ahead;

  private final Queue<Long> posted = new ConcurrentLinkedQueue<>();
  private int insns;
  private long decoded;

  /** Tells the other owners of a code page that this vCPU has written it; set by the engine. */
  private LongConsumer tellOthers = gfn -> {};

  /**
   * Makes the other vCPUs forget that they may write a page that holds code now; returns when they
   * have.
   */
  private LongConsumer protectElsewhere = gfn -> {};

  /** The epoch of the present mode. */
  long epoch;

  private final long[] generations = new long[2];

  // The fetch under way.
  private long fetchGpa;
  private long fetchSecondGpa = -1;
  private long fetchLin;
  private long fetchBytesAllowed;

  BlockCache(SoftCpu c, CodeMap codeMap) {
    this.c = c;
    this.memory = c.ports.memory();
    this.decoder = new BlockDecoder(c.ports.model());
    this.ahead = new CodeAhead(c.ports.model());
    this.codeMap = codeMap;
    this.pages =
        new @Nullable CodePage[(int) ((memory.framePages() >>> PAGE_CHUNK_SHIFT) + 1)] @Nullable [];
    Arrays.fill(jumps, Block.NONE);
  }

  /** Connects it to the machine's other vCPUs. */
  void connect(LongConsumer foreignCodeWritten, LongConsumer codeClaimed) {
    tellOthers = foreignCodeWritten;
    protectElsewhere = codeClaimed;
  }

  /** Makes every block look up its translation again before it runs. */
  void mappingChanged() {
    generations[0]++;
    generations[1]++;
    modeChanged();
  }

  /** As {@link #mappingChanged()} for blocks of user or of supervisor mode only. */
  void mappingChanged(int user) {
    generations[user]++;
    modeChanged();
  }

  /** Makes {@link #epoch} that of {@link SoftCpu#mode}. */
  void modeChanged() {
    epoch = generations[c.mode >> 3] << MODE_BITS | c.mode;
  }

  /** Returns the vCPUs that have code in a page, as bits. */
  int owners(long gfn) {
    return codeMap.owners(gfn);
  }

  /**
   * Returns the block at RIP; throws the fault that fetching or decoding its first instruction
   * raises.
   */
  Block find() {
    long rip = c.rip;
    Block block = jumps[jumpIndex(rip)];
    if (block.rip == rip && block.epoch == epoch) {
      return block;
    }
    block = findTranslated(rip, c.mode, false);
    jumps[jumpIndex(rip)] = block;
    return block;
  }

  /** Returns the block at an RIP if it is at hand and may run now; without side effects. */
  @Nullable Block known(long rip) {
    Block block = jumps[jumpIndex(rip)];
    return block.rip == rip && block.epoch == epoch ? block : null;
  }

  /** Returns the block at an RIP even if it was never executed; null if it cannot be. */
  @Nullable Block ahead(long rip) {
    long now = c.rip;
    c.rip = rip;
    try {
      Block block = findTranslated(rip, c.mode, false);
      return block.epoch == epoch ? block : null;
    } catch (GuestFault fault) {
      return null;
    } finally {
      c.rip = now;
    }
  }

  /** Returns a block of the one instruction at RIP. */
  Block findSingle() {
    return findTranslated(c.rip, c.mode | SINGLE, true);
  }

  private static int jumpIndex(long rip) {
    return (int) (rip ^ rip >>> 13) & JUMP_ENTRIES - 1;
  }

  private Block findTranslated(long rip, int mode, boolean single) {
    long lin = c.codeBase() + rip;
    fetchBytesAllowed = Long.MAX_VALUE;
    if (c.codeBits != 64) {
      lin &= 0xFFFF_FFFFL;
      fetchBytesAllowed = c.segLimit[DecodeContext.CS] - c.rip + 1;
      if (fetchBytesAllowed <= 0) {
        throw GuestFault.of(GuestFault.GP);
      }
    }
    long gpa = c.mmu.translateFetch(lin);
    CodePage page = memory.isRam(gpa, 1) ? page(gpa >>> 12) : null;
    Block block = page == null ? null : page.find(rip, mode, gpa);
    if (block == null && ahead.has(gpa >>> 12)) {
      block = adopt(gpa >>> 12).find(rip, mode, gpa);
    }
    if (block != null && block.bytes <= fetchBytesAllowed && secondPageHolds(block, lin)) {
      block.epoch = epoch;
      return block;
    }
    return decode(mode, lin, gpa, single);
  }

  private boolean secondPageHolds(Block block, long lin) {
    if (block.secondGpa < 0) {
      return true;
    }
    if (c.mmu.translateFetch((lin & -4096L) + 4096) == block.secondGpa) {
      return true;
    }
    block.kill();
    return false;
  }

  /** Says whether a page may get a write entry in this vCPU's TLB; notes that it has one if so. */
  boolean mayWrite(long gfn) {
    codeMap.addWriter(gfn, c.index);
    return codeMap.owners(gfn) == 0;
  }

  /** Notes that this vCPU's TLB has no write entry of a page any more. */
  void writesNoMore(long gfn) {
    codeMap.removeWriter(gfn, c.index);
  }

  // Decoding.

  private Block decode(int mode, long lin, long gpa, boolean single) {
    boolean cached = memory.isRam(gpa, 1);
    if (cached) {
      if (insns > MAX_INSNS) {
        clear();
      }
      CodePage page = claim(gpa >>> 12);
      if (page.blocks >= MAX_BLOCKS_IN_PAGE) {
        drop(page);
        claim(gpa >>> 12);
      }
    }
    fetchGpa = gpa;
    fetchSecondGpa = -1;
    fetchLin = lin;
    boolean stack32 = c.stackMask == 0xFFFF_FFFFL;
    Block block = decoder.decode(this, c.rip, mode, gpa, c.codeBits, stack32, single);
    decoded++;
    long second = block.secondGpa;
    if (cached && (second < 0 || memory.isRam(second, 1))) {
      keep(block);
      block.epoch = epoch;
    }
    // A block of device memory runs once: its epoch never is the current one.
    return block;
  }

  @Override
  public void advance(int bytes) {
    fetchGpa += bytes;
    fetchLin += bytes;
    fetchBytesAllowed -= bytes;
  }

  @Override
  public long secondGpa() {
    return fetchSecondGpa;
  }

  @Override
  public int byteAt(int offset) {
    if (offset >= fetchBytesAllowed) {
      throw GuestFault.of(GuestFault.GP);
    }
    int at = ((int) fetchGpa & 0xFFF) + offset;
    // The page may have ended with the instruction before: fetchGpa itself never leaves its page.
    if (at < 4096) {
      return physicalByte((fetchGpa & -4096L) + at);
    }
    if (fetchSecondGpa < 0) {
      long next = (fetchLin & -4096L) + 4096;
      fetchSecondGpa = c.mmu.translateFetch(c.longMode() ? next : next & 0xFFFF_FFFFL);
      if (memory.isRam(fetchSecondGpa, 1)) {
        claim(fetchSecondGpa >>> 12);
      }
    }
    return physicalByte(fetchSecondGpa + at - 4096);
  }

  private int physicalByte(long gpa) {
    return memory.isRam(gpa, 1)
        ? HostMemory.ALL.get(ValueLayout.JAVA_BYTE, memory.baseHva() + gpa) & 0xFF
        : (int) c.mmu.physicalRead(gpa, 1);
  }

  private void keep(Block block) {
    claim(block.gpa >>> 12).add(block);
    if (block.secondGpa >= 0) {
      claim(block.secondGpa >>> 12).addCrossingIn(block);
    }
    insns += block.code.length;
  }

  /** Returns how many blocks this vCPU had to decode itself. */
  long decoded() {
    return decoded;
  }

  /** Returns what to tell of code before it is executed. */
  CodeAhead ahead() {
    return ahead;
  }

  /**
   * Takes over what was decoded ahead of a page, if the page still is as it was then. It is claimed
   * before they are compared, as before bytes are read to be decoded.
   */
  private CodePage adopt(long gfn) {
    CodePage page = claim(gfn);
    for (Block block : ahead.take(gfn, memory)) {
      if (page.find(block.rip, block.mode, block.gpa) == null) {
        keep(block);
      }
    }
    return page;
  }

  /** Shows every block that is kept. */
  void forEach(Consumer<Block> look) {
    for (@Nullable CodePage[] chunk : pages) {
      if (chunk != null) {
        for (CodePage page : chunk) {
          if (page != null) {
            page.forEach(look);
          }
        }
      }
    }
  }

  // Pages.

  private @Nullable CodePage page(long gfn) {
    @Nullable CodePage[] chunk = pages[(int) (gfn >>> PAGE_CHUNK_SHIFT)];
    return chunk == null ? null : chunk[(int) gfn & (1 << PAGE_CHUNK_SHIFT) - 1];
  }

  /**
   * Makes a page one that holds code: from now on stores to it are seen. Comes before its bytes are
   * read.
   */
  private CodePage claim(long gfn) {
    CodePage page = page(gfn);
    if (page == null) {
      int at = (int) (gfn >>> PAGE_CHUNK_SHIFT);
      @Nullable CodePage[] chunk = pages[at];
      if (chunk == null) {
        chunk = new @Nullable CodePage[1 << PAGE_CHUNK_SHIFT];
        pages[at] = chunk;
      }
      page = new CodePage(gfn);
      chunk[(int) gfn & (1 << PAGE_CHUNK_SHIFT) - 1] = page;
      codeMap.claim(gfn, c.index);
      c.mmu.protectCode(gfn);
      protectElsewhere.accept(gfn);
    }
    return page;
  }

  private void drop(CodePage page) {
    page.kill();
    insns -= page.insns;
    @Nullable CodePage[] chunk = pages[(int) (page.gfn >>> PAGE_CHUNK_SHIFT)];
    if (chunk != null) {
      chunk[(int) page.gfn & (1 << PAGE_CHUNK_SHIFT) - 1] = null;
    }
    codeMap.release(page.gfn, c.index);
  }

  /** Drops everything. */
  void clear() {
    for (@Nullable CodePage[] chunk : pages) {
      if (chunk != null) {
        for (CodePage page : chunk) {
          if (page != null) {
            drop(page);
          }
        }
      }
    }
    insns = 0;
    Arrays.fill(jumps, Block.NONE);
  }

  /**
   * Called after each store of this vCPU that went the slow way: drops blocks whose bytes it may
   * have changed.
   */
  void stored(long gpa, int bytes) {
    long gfn = gpa >>> 12;
    int owners = codeMap.owners(gfn);
    if (owners == 0) {
      return;
    }
    CodePage page = page(gfn);
    if (page != null && page.covers((int) gpa & 0xFFF, bytes)) {
      drop(page);
    }
    if ((owners & ~(1 << c.index)) != 0) {
      tellOthers.accept(gfn);
    }
  }

  /**
   * Asks for a page's blocks to be dropped at the next block boundary. Any thread; the caller sets
   * attention.
   */
  void post(long gfn) {
    posted.add(gfn);
  }

  /** Does what {@link #post} asked for. */
  void dropPosted() {
    for (Long gfn = posted.poll(); gfn != null; gfn = posted.poll()) {
      CodePage page = page(gfn);
      if (page != null) {
        drop(page);
      }
    }
  }
}
