package dev.godwit.memory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The compare-and-exchanges of an x86-64 host that Java has not: of 16 bytes, and of operands at
 * any alignment. They are atomic against every other access to the same bytes, whoever makes it.
 *
 * <p>They are a few bytes of machine code in an executable page of this process. Where the host is
 * another or refuses such a page there are none, which is said once in the log; {@link #reaches}
 * tells.
 *
 * <p>Addresses are unchecked: see {@link HostMemory}. An instance holds what its last exchange of
 * 16 bytes has found; it is confined to one thread.
 */
public final class LockedExchange {
  private static final Logger LOG = LoggerFactory.getLogger(LockedExchange.class);

  /** {@code -Dgodwit.memory.lockedExchange=off} goes without, to see what a host without has. */
  private static final String SWITCH = "godwit.memory.lockedExchange";

  private static final long LINE_BYTES = 64;

  private final MemorySegment pair;
  private final long pairHva;

  /**
   * Makes one, for a thread. What the first use costs, some 20 ms, is paid here: later it might be
   * in a guest's pause.
   */
  public LockedExchange() {
    this.pair = Arena.ofAuto().allocate(32, 16);
    this.pairHva = pair.address();
    long other = pairHva + 16;
    if (reaches(other, 16)) {
      compareAndSet(other, 0, 0, 1, 1);
      compareAndExchange(other, 8, 1, 0);
    }
  }

  /**
   * Says whether an operand of 2, 4, 8 or 16 bytes can be exchanged; 16 must be aligned.
   *
   * <p>Hosts that trap locked accesses to two cache lines at once slow the whole process down for
   * one, or kill it: there such operands cannot.
   */
  public static boolean reaches(long hva, int bytes) {
    return Code.AVAILABLE && (!Code.SPLITS_TRAP || (hva & LINE_BYTES - 1) + bytes <= LINE_BYTES);
  }

  /**
   * Replaces 2, 4 or 8 bytes that {@link #reaches} accepts if they are as expected; a full fence
   * either way.
   *
   * @return what was there, zero-extended: equal to {@code expected}, which is zero-extended, too,
   *     if they were replaced
   */
  public static long compareAndExchange(long hva, int bytes, long expected, long value) {
    try {
      return (long) Code.WORD.invokeExact(hva, expected, value, (long) bytes);
    } catch (Throwable e) {
      throw impossible(e);
    }
  }

  /**
   * Replaces 16 aligned bytes that {@link #reaches} accepts if they are as expected; a full fence
   * either way. {@link #foundLow} and {@link #foundHigh} say what was there.
   */
  public boolean compareAndSet(long hva, long low, long high, long newLow, long newHigh) {
    pair.set(ValueLayout.JAVA_LONG, 0, low);
    pair.set(ValueLayout.JAVA_LONG, 8, high);
    try {
      return (long) Code.PAIR.invokeExact(hva, pairHva, newLow, newHigh) != 0;
    } catch (Throwable e) {
      throw impossible(e);
    }
  }

  /** Returns the low 8 bytes that the last exchange has found. */
  public long foundLow() {
    return pair.get(ValueLayout.JAVA_LONG, 0);
  }

  /** Returns the high 8 bytes that the last exchange has found. */
  public long foundHigh() {
    return pair.get(ValueLayout.JAVA_LONG, 8);
  }

  private static IllegalStateException impossible(Throwable e) {
    return new IllegalStateException("the native linker failed", e);
  }

  /** The machine code, made at the first use. */
  private static final class Code {
    /**
     * {@code long pair(hva, pairHva, newLow, newHigh)} by the System V ABI: the pair in memory is
     * expected, and becomes what was there; 1 if it was exchanged.
     */
    private static final String PAIR_CODE =
        "4989d9" // mov %rbx, %r9
            + "4889d3" // mov %rdx, %rbx
            + "488b06" // mov (%rsi), %rax
            + "488b5608" // mov 8(%rsi), %rdx
            + "f0480fc70f" // lock cmpxchg16b (%rdi)
            + "488906" // mov %rax, (%rsi)
            + "48895608" // mov %rdx, 8(%rsi)
            + "0f94c0" // sete %al
            + "0fb6c0" // movzx %al, %eax
            + "4c89cb" // mov %r9, %rbx
            + "c3"; // ret

    /** {@code long word(hva, expected, value, bytes)}: returns what was there. */
    private static final String WORD_CODE =
        "4889f0" // mov %rsi, %rax
            + "83f904" // cmp $4, %ecx
            + "740b" // je 4 bytes
            + "7710" // ja 8 bytes
            + "66f00fb117" // lock cmpxchg %dx, (%rdi)
            + "0fb7c0" // movzx %ax, %eax
            + "c3" // ret
            + "f00fb117" // lock cmpxchg %edx, (%rdi)
            + "89c0" // mov %eax, %eax
            + "c3" // ret
            + "f0480fb117" // lock cmpxchg %rdx, (%rdi)
            + "c3"; // ret

    private static final int WORD_AT = 64;
    private static final FunctionDescriptor DESCRIPTOR =
        FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);

    /** What Linux calls a host's ability to trap locked accesses to two lines. */
    private static final List<String> TRAPS = List.of("split_lock_detect", "bus_lock_detect");

    static final boolean AVAILABLE;
    static final boolean SPLITS_TRAP;
    static final MethodHandle PAIR;
    static final MethodHandle WORD;

    static {
      List<String> flags = cpuFlags();
      long code = flags.contains("cx16") ? map() : 0;
      AVAILABLE = code != 0;
      SPLITS_TRAP = TRAPS.stream().anyMatch(flags::contains);
      PAIR = handle(code);
      WORD = handle(code + WORD_AT);
      if (!AVAILABLE) {
        LOG.info(
            "no locked exchanges of the host: the guest's locked operations of 16 bytes, or of"
                + " operands that cross 8 aligned ones, exclude only one another");
      }
    }

    private Code() {}

    /** Returns what /proc/cpuinfo says of the first CPU; nothing on hosts that are no x86-64. */
    private static List<String> cpuFlags() {
      if (!"amd64".equals(System.getProperty("os.arch"))
          || "off".equals(System.getProperty(SWITCH))) {
        return List.of();
      }
      try {
        return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
            .filter(line -> line.startsWith("flags"))
            .findFirst()
            .map(line -> Arrays.asList(line.substring(line.indexOf(':') + 1).split(" ", -1)))
            .orElse(List.of());
      } catch (IOException e) {
        LOG.debug("/proc/cpuinfo cannot be read", e);
        return List.of();
      }
    }

    /** Returns an executable page with the code, or 0. It stays as long as the process. */
    private static long map() {
      try {
        long hva =
            LinuxMemory.mmap(
                0,
                GuestMemory.PAGE_BYTES,
                LinuxMemory.PROT_READ_WRITE,
                LinuxMemory.MAP_PRIVATE | LinuxMemory.MAP_ANONYMOUS,
                -1,
                0);
        write(hva, PAIR_CODE);
        write(hva + WORD_AT, WORD_CODE);
        LinuxMemory.mprotect(hva, GuestMemory.PAGE_BYTES, LinuxMemory.PROT_READ_EXECUTE);
        return hva;
      } catch (MemoryException e) {
        LOG.debug("no executable page", e);
        return 0;
      }
    }

    private static void write(long hva, String hex) {
      byte[] code = HexFormat.of().parseHex(hex);
      MemorySegment.copy(code, 0, HostMemory.ALL, ValueLayout.JAVA_BYTE, hva, code.length);
    }

    /** The calls cannot block, nor call back: no transition of the thread's state is needed. */
    private static MethodHandle handle(long address) {
      return Linker.nativeLinker()
          .downcallHandle(
              MemorySegment.ofAddress(Math.max(1, address)),
              DESCRIPTOR,
              Linker.Option.critical(false));
    }
  }
}
