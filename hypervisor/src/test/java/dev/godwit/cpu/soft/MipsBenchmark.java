package dev.godwit.cpu.soft;

import java.lang.management.ManagementFactory;

/**
 * Measures how many million instructions a second the interpreter executes: a hot loop of eleven
 * instructions with a load and a store, in 64-bit mode with paging. A program, not a test: run its
 * {@code main}.
 */
final class MipsBenchmark {
  // mov $64000000,%ecx; mov $0x200000,%rdi; 1: mov %ecx,%eax; shl $13,%eax; xor %eax,%ebx; mov
  // %rbx,%rdx;
  // and $0xfff8,%edx; mov (%rdi,%rdx),%rsi; add %rcx,%rsi; mov %rsi,(%rdi,%rdx); dec %ecx; jnz 1b;
  // out %al,$0xf4
  private static final String LOOP =
      """
      b9 00d0d003 48c7c7 00002000
      89c8 c1e00d 31c3 4889da 81e2f8ff0000 488b3417 4801ce 48893417 ffc9 75e1
      e6f4
      """;

  private MipsBenchmark() {}

  /** CPU time of this thread: other load on the host does not count. */
  private static long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  public static void main(String[] args) {
    for (int round = 0; round < (args.length > 0 ? Integer.parseInt(args[0]) : 3); round++) {
      try (Guest guest = Guest.longMode(LOOP)) {
        long start = cpuNanos();
        guest.run();
        double seconds = (cpuNanos() - start) / 1e9;
        System.out.printf(
            "%d instructions in %.2f s: %.0f MIPS%n",
            guest.cpu.retired, seconds, guest.cpu.retired / seconds / 1e6);
      }
    }
  }
}
