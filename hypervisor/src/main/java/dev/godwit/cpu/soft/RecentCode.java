package dev.godwit.cpu.soft;

import dev.godwit.cpu.CodeHint;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Answers which 64-bit code a vCPU has executed since it was last asked.
 *
 * <p>Threads: anyone asks, the vCPU's answers.
 */
final class RecentCode {
  private record Question(int most, Consumer<List<CodeHint>> answer) {}

  private record Run(Block block, int times) {}

  private final AtomicReference<@Nullable Question> asked = new AtomicReference<>();

  /** Asks; an earlier question that was not answered yet is forgotten. */
  void ask(int most, Consumer<List<CodeHint>> answer) {
    asked.set(new Question(most, answer));
  }

  /** Answers if somebody has asked. */
  void answer(BlockCache blocks) {
    if (asked.get() == null) {
      return;
    }
    Question question = asked.getAndSet(null);
    if (question != null) {
      question.answer.accept(take(blocks, question.most));
    }
  }

  private static List<CodeHint> take(BlockCache blocks, int most) {
    List<Run> runs = new ArrayList<>();
    blocks.forEach(
        block -> {
          int times = block.takeRuns();
          boolean wanted =
              (block.mode & ~SoftCpu.MODE_USER) == SoftCpu.MODE_64 && block.secondGpa < 0;
          if (times != 0 && most != 0 && wanted) {
            runs.add(new Run(block, times));
          }
        });
    if (runs.size() > most) {
      runs.sort(Comparator.comparingInt(Run::times).reversed());
    }
    List<CodeHint> code = new ArrayList<>();
    for (Run run : runs.subList(0, Math.min(most, runs.size()))) {
      code.add(hint(run.block));
    }
    return code;
  }

  private static CodeHint hint(Block block) {
    return new CodeHint(block.rip, block.gpa >>> 12, (block.mode & SoftCpu.MODE_USER) != 0);
  }
}
