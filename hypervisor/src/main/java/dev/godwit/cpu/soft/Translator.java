package dev.godwit.cpu.soft;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * The second tier of a vCPU: decides which blocks are hot, has them translated to JVM bytecode by a
 * thread of its own, and keeps the regions.
 *
 * <p>{@code -Dgodwit.soft.translate=off|on|always}; {@code always} translates a block before its
 * first execution and waits for it, for tests. Only 64-bit code is translated. Threads: the vCPU's,
 * but for the worker, which sees nothing but plans.
 */
final class Translator {
  /** See {@code -Dgodwit.soft.translate}. */
  enum Mode {
    OFF,
    ON,
    ALWAYS
  }

  private static final Logger LOG = System.getLogger(Translator.class.getName());

  /** The mode of new vCPUs. */
  static final Mode MODE =
      Mode.valueOf(System.getProperty("godwit.soft.translate", "on").toUpperCase(Locale.ROOT));

  /**
   * How often a block is interpreted before it is translated. A hot loop is there in milliseconds.
   * With less, the boot of a kernel becomes slower: a region costs the JVM's compilers tens of
   * milliseconds, and runs slowly until they are done.
   */
  private static final int THRESHOLD =
      Integer.getInteger("godwit.soft.translate.threshold", 250_000);

  /** Regions beyond this number make the vCPU start anew with none. */
  private static final int MOST_REGIONS = 1024;

  private final SoftCpu c;
  private Mode mode;
  private final Queue<Region> finished = new ConcurrentLinkedQueue<>();
  private final List<Region> live = new ArrayList<>();

  /** A block that is hotter than this is shown to {@link #regionOf}. */
  int threshold;

  Translator(SoftCpu c) {
    this.c = c;
    this.mode = MODE;
    setMode(MODE);
  }

  /** Changes the mode, before anything was executed. */
  void setMode(Mode mode) {
    this.mode = FaultLog.BLOCKS ? Mode.OFF : mode;
    this.threshold =
        switch (this.mode) {
          case OFF -> Integer.MAX_VALUE;
          case ON -> THRESHOLD;
          case ALWAYS -> 0;
        };
  }

  /**
   * Returns the region to run instead of a hot block, or null; in that case it may be translated
   * now.
   */
  @Nullable Region regionOf(Block block) {
    Region region = block.region;
    if (region != null) {
      block.heat = threshold;
      return region.ready(c) ? region : null;
    }
    if (c.codeBits != 64 || block.epoch != c.blocks.epoch || c.mmu.everySlow()) {
      block.heat = 0;
      return null;
    }
    if (mode == Mode.ALWAYS) {
      RegionPlan plan = RegionPlan.of(block, c, true, c.blocks::ahead);
      install(RegionWriter.write(plan, c));
      region = block.region;
      return region != null && region.ready(c) ? region : null;
    }
    RegionPlan plan = RegionPlan.of(block, c, false, c.blocks::known);
    for (RegionPlan.Part part : plan.parts()) {
      // They get time to see whether they are still interpreted when the region is there.
      part.block().heat = -THRESHOLD;
    }
    Worker.translate(plan, this);
    return null;
  }

  /** Returns how many regions may run. */
  int regions() {
    live.removeIf(region -> region.dead);
    return live.size();
  }

  /** Takes over what the worker has translated. */
  void installFinished() {
    for (Region region = finished.poll(); region != null; region = finished.poll()) {
      install(region);
    }
  }

  private void install(Region region) {
    if (regions() >= MOST_REGIONS) {
      live.forEach(Region::kill);
      live.clear();
    }
    if (region.install()) {
      live.add(region);
    }
  }

  private void finish(Region region) {
    finished.add(region);
    c.attention = true;
  }

  /** The thread that translates, for all vCPUs. */
  private static final class Worker {
    private record Job(RegionPlan plan, Translator of) {}

    private static final int MOST_WAITING = 64;
    private static final BlockingQueue<Job> JOBS = new LinkedBlockingQueue<>(MOST_WAITING);

    static {
      Thread thread = new Thread(Worker::work, "translator");
      thread.setDaemon(true);
      thread.start();
    }

    /** Translates when it comes to it; what does not fit in the queue has to become hot again. */
    static void translate(RegionPlan plan, Translator of) {
      JOBS.offer(new Job(plan, of));
    }

    private static void work() {
      while (true) {
        try {
          Job job = JOBS.take();
          try {
            job.of.finish(RegionWriter.write(job.plan, job.of.c));
          } catch (RuntimeException e) {
            LOG.log(Level.WARNING, "a region stays interpreted: cannot translate it", e);
          }
        } catch (InterruptedException e) {
          return;
        }
      }
    }
  }
}
