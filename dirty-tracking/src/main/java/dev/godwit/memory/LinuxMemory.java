package dev.godwit.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Typed wrappers around the memory calls of Linux: open(2), mmap(2), madvise(2), mprotect(2),
 * munmap(2), close(2).
 *
 * <p>Constants are those of the x86-64 and arm64 ABI (asm-generic/mman.h).
 */
final class LinuxMemory {
  private static final Logger LOG = LoggerFactory.getLogger(LinuxMemory.class);

  static final int PROT_NONE = 0;
  static final int PROT_READ_WRITE = 3;
  static final int PROT_READ_EXECUTE = 5;
  static final int MAP_PRIVATE = 0x02;
  static final int MAP_FIXED = 0x10;
  static final int MAP_ANONYMOUS = 0x20;
  static final int MAP_NORESERVE = 0x4000;

  private static final int MADV_DONTNEED = 4;
  private static final int MADV_HUGEPAGE = 14;
  private static final int O_RDONLY_CLOEXEC = 0x80000;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle MADVISE =
      handle(
          "madvise",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));
  private static final MethodHandle MMAP =
      handle(
          "mmap",
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG));
  private static final MethodHandle MUNMAP =
      handle(
          "munmap",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
  private static final MethodHandle MPROTECT =
      handle(
          "mprotect",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));
  private static final MethodHandle OPEN =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("open"),
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
          Linker.Option.captureCallState("errno"),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle CLOSE =
      handle("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

  private LinuxMemory() {}

  private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        descriptor,
        Linker.Option.captureCallState("errno"));
  }

  /** One call with errno captured; {@code what} names it in the error. */
  private interface Call {
    long invoke(Arena arena, MemorySegment capture) throws Throwable;
  }

  private static long checked(String what, MemoryException.Code code, Call call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = arena.allocate(CAPTURE);
      long result = call.invoke(arena, capture);
      if (result == -1) {
        throw new MemoryException(
            code, what + " failed with errno " + (int) ERRNO.get(capture, 0L));
      }
      return result;
    } catch (MemoryException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(what, e);
    }
  }

  /** Gives pages back to the host; the mapping stays, and is as it was made. */
  static void discard(long hva, long bytes) {
    checked(
        "madvise",
        MemoryException.Code.HOST_REFUSED,
        (arena, capture) -> (int) MADVISE.invokeExact(capture, hva, bytes, MADV_DONTNEED));
  }

  /** Asks for huge pages. A kernel that has none refuses, and all works the same, only slower. */
  static void adviseHugePages(long hva, long bytes) {
    try {
      checked(
          "madvise",
          MemoryException.Code.HOST_REFUSED,
          (arena, capture) -> (int) MADVISE.invokeExact(capture, hva, bytes, MADV_HUGEPAGE));
    } catch (MemoryException e) {
      LOG.debug("no huge pages for guest RAM: {}", e.getMessage());
    }
  }

  static int openReadOnly(String path) {
    return (int)
        checked(
            "open of " + path,
            MemoryException.Code.BAD_FILE,
            (arena, capture) ->
                (int)
                    OPEN.invokeExact(
                        capture,
                        arena.allocateFrom(path, StandardCharsets.UTF_8),
                        O_RDONLY_CLOEXEC));
  }

  static long mmap(long hva, long bytes, int prot, int flags, int fd, long offset) {
    return checked(
        "mmap of " + bytes + " bytes",
        MemoryException.Code.HOST_REFUSED,
        (arena, capture) -> (long) MMAP.invokeExact(capture, hva, bytes, prot, flags, fd, offset));
  }

  static void mprotect(long hva, long bytes, int prot) {
    checked(
        "mprotect",
        MemoryException.Code.HOST_REFUSED,
        (arena, capture) -> (int) MPROTECT.invokeExact(capture, hva, bytes, prot));
  }

  static void munmap(long hva, long bytes) {
    checked(
        "munmap",
        MemoryException.Code.HOST_REFUSED,
        (arena, capture) -> (int) MUNMAP.invokeExact(capture, hva, bytes));
  }

  static void close(int fd) {
    checked(
        "close",
        MemoryException.Code.HOST_REFUSED,
        (arena, capture) -> (int) CLOSE.invokeExact(capture, fd));
  }
}
