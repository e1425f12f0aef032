package dev.godwit.source;

import dev.godwit.cpu.CodeHint;
import dev.godwit.machine.Machine;
import dev.godwit.stream.CodeHintCodec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Tells the sink which code the guest executes while it is being copied, so that it is decoded
 * there before the guest runs: decoding the first thousands of instructions takes longer than the
 * pause.
 *
 * <p>Every vCPU is asked from time to time, and answers when it likes. A thread of its own sends.
 */
final class CodeTeller implements AutoCloseable {
  /**
   * For so long the guest is watched first: the fastest of migrations take not much longer. It is
   * short enough for what a rehearsal moves, so that the vCPU of a real machine does not take such
   * code over for the first time of the process.
   */
  private static final long FIRST_NANOS = 10_000_000;

  private static final long SECOND_NANOS = 150_000_000;
  private static final long EACH_NANOS = 500_000_000;

  private record Answer(int vcpu, List<CodeHint> code) {}

  private final Machine machine;
  private final StateSink sink;
  private final BlockingQueue<Answer> answers = new LinkedBlockingQueue<>();

  /** What was told, by vCPU; only the thread that sends looks at it. */
  private final Map<Integer, Set<CodeHint>> told = new HashMap<>();

  private volatile boolean closed;
  private @Nullable Thread thread;

  CodeTeller(Machine machine, StateSink sink) {
    this.machine = machine;
    this.sink = sink;
  }

  /** Begins, once the sink has begun, if that wants to know. */
  void start() {
    if (sink.takesCodeHints()) {
      machine.askForRecentCode(0, (code, vcpu) -> {}); // from now on
      thread = Thread.ofVirtual().name("migration-hints").start(this::work);
    }
  }

  private void work() {
    long askAtNanos = System.nanoTime() + FIRST_NANOS;
    long nextNanos = SECOND_NANOS;
    try {
      while (!closed) {
        Answer answer = answers.poll(askAtNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (answer != null) {
          tell(answer);
        } else {
          machine.askForRecentCode(
              CodeHintCodec.MOST, (code, vcpu) -> answers.add(new Answer(vcpu, code)));
          askAtNanos = System.nanoTime() + nextNanos;
          nextNanos = EACH_NANOS;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void tell(Answer answer) {
    Set<CodeHint> known = told.computeIfAbsent(answer.vcpu, vcpu -> new HashSet<>());
    List<CodeHint> fresh = new ArrayList<>();
    for (CodeHint hint : answer.code) {
      if (known.size() < CodeHintCodec.MOST && known.add(hint)) {
        fresh.add(hint);
      }
    }
    if (!fresh.isEmpty() && !closed) {
      sink.hint(answer.vcpu, fresh);
    }
  }

  /** Tells nothing more. Any number of times. */
  @Override
  public void close() {
    closed = true;
    Thread known = thread;
    if (known != null) {
      known.interrupt();
    }
  }
}
