package dev.godwit.source;

import dev.godwit.cpu.CodeHint;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.snapshot.Section;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.PageBatch;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Where a machine's state goes: another host or files. {@link LiveMigration} calls the methods in
 * the order below, from one thread; {@link #abort} takes the place of everything that would follow,
 * up to {@link #commit}.
 *
 * <p>The thread may be interrupted when the user cancels; a method that waits then ends at once. A
 * sink throws {@link MigrationException} for what goes wrong with it; the machine then goes on as
 * it was.
 */
public interface StateSink extends AutoCloseable {
  /** Says whether runs may be LZ4; otherwise they are ZERO or RAW. */
  boolean takesLz4();

  /**
   * Says whether runs may be DELTA, to a version that was sent in an earlier round; asked after
   * {@link #begin}.
   */
  boolean takesDelta();

  /**
   * Asks whether the sink can take the machine, and prepares it. Nothing of the state has been sent
   * before.
   */
  void begin(StreamHeader header);

  /** Returns among how many streams the pages of a round are to be divided; known once begun. */
  default int streams() {
    return 1;
  }

  /** Returns how many pages of content a batch may have; known once begun. */
  default int batchPages() {
    return PageBatch.BLOCK_PAGES;
  }

  /**
   * Returns the pages of the first round: all of RAM, unless the sink has the others already. Asked
   * after {@link #begin}, when what is dirty has been harvested.
   */
  default PageSet firstPages(GuestMemory memory) {
    return memory.allPages();
  }

  /**
   * Takes one round's pages, pulling the feeds, one a stream, until they are empty. Returns when
   * the destination has all of them, and when no thread of the sink reads guest RAM any more: also
   * when it throws.
   */
  void sendPages(List<? extends PageFeed> feeds);

  /** Says whether {@link #hint} is of any use; asked after {@link #begin}. */
  default boolean takesCodeHints() {
    return false;
  }

  /**
   * Takes places of code that the guest executes just now. Called by a thread of its own while the
   * guest runs; never waits, and never throws for what goes wrong.
   *
   * @param vcpu the index of the vCPU that executes it
   */
  default void hint(int vcpu, List<CodeHint> code) {}

  /**
   * The machine is about to be stopped for the first time: the sink gets ready for what comes then.
   */
  default void stopFollows() {}

  /**
   * As {@link #sendPages}, for the last round, while which the machine's state is saved: a sink
   * that can takes that at the same time, since the guest stands still for as long as both take.
   *
   * @param saving saves the state; called once, on the calling thread
   * @return what was saved; {@link #prepare} follows with the same
   */
  default List<Section> sendLastPages(
      List<? extends PageFeed> feeds, Supplier<List<Section>> saving) {
    sendPages(feeds);
    return saving.get();
  }

  /**
   * Takes the rest of the stream. When it returns, the state is complete at the sink and has been
   * verified there.
   */
  void prepare(List<Section> sections, StreamMetadata metadata);

  /**
   * Returns how long {@link #prepare} and, unless the machine goes on before it, {@link #commit}
   * are expected to take: the part of the pause that does not depend on pages.
   */
  long fixedPauseNanos();

  /**
   * Tells the sink to take the machine for good. May be called again after {@link
   * HandoverAnswer.Ready}. Never throws: what fails is {@code Never} if the sink certainly does not
   * have the machine, else {@code Unknown}.
   *
   * @param stoppedNanos says how long the machine has stood still by now
   */
  HandoverAnswer commit(LongSupplier stoppedNanos);

  /**
   * Asks what became of the machine after an answer got lost; with a new connection. Blocks for
   * some seconds at most and never throws. A sink to files always knows.
   */
  HandoverAnswer query();

  /** Tells the sink that this side's copy is gone. Best effort. */
  void release();

  /**
   * Tells the sink that this side keeps the machine: it forgets everything and leaves nothing
   * behind. Best effort, never throws.
   *
   * @param why for the sink's user
   */
  void abort(MigrationException why);

  /** Frees what the sink holds here. Never throws. */
  @Override
  void close();
}
