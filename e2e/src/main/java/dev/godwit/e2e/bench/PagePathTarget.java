package dev.godwit.e2e.bench;

import dev.godwit.dest.Receiver;
import dev.godwit.dest.ReceiverOptions;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Optional;

/**
 * The other process of {@link PagePathBenchmark}: reads plain sockets into RAM, and receives
 * machines, one after another. Prints the socket's port; then of each machine the receiver's port
 * and the time, in nanoseconds, that the first touch of its RAM took.
 */
final class PagePathTarget {
  private PagePathTarget() {}

  public static void main(String[] args) throws Exception {
    PagePathBenchmark.logWarningsOnly();
    long ramBytes = Long.parseLong(args[0]);
    ServerSocketChannel sockets =
        ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    System.out.println(sockets.socket().getLocalPort());
    Thread.ofPlatform().daemon().start(() -> readSockets(sockets, ramBytes));
    while (true) {
      Receiver receiver =
          Receiver.start(
              ReceiverOptions.at(
                  new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), "godwit bench"),
              PagePathTarget::buildTouched,
              name -> Optional.of(() -> {}));
      System.out.println(receiver.port());
      receiver.outcome().toCompletableFuture().get().machine().close();
    }
  }

  /**
   * Touches all RAM before any page comes: the host's price for fresh memory is not the page
   * path's. On a virtual machine whose own host has taken unused memory back it can be many times
   * the latter: 0.1 to 4 s a GiB were seen on one.
   */
  private static Machine buildTouched(MachineConfig config, GuestMemory memory) {
    long start = System.nanoTime();
    for (GuestMemory.Region region : memory.regions()) {
      for (long offset = 0; offset < region.bytes(); offset += GuestMemory.PAGE_BYTES) {
        memory.write8(region.gpa() + offset, 0);
      }
    }
    System.out.println(System.nanoTime() - start);
    return PagePathBenchmark.build(config, memory);
  }

  /**
   * Into memory of a guest's size, as a destination does: a buffer in the cache would be faster.
   */
  private static void readSockets(ServerSocketChannel sockets, long ramBytes) {
    MemorySegment ram = Arena.global().allocate(ramBytes, GuestMemory.PAGE_BYTES);
    while (true) {
      try (SocketChannel channel = sockets.accept()) {
        long offset = 0;
        int length = 0;
        while (length >= 0 && offset < ramBytes) {
          length =
              channel.read(
                  ram.asSlice(
                          offset, Math.min(PagePathBenchmark.SOCKET_CHUNK_BYTES, ramBytes - offset))
                      .asByteBuffer());
          offset += Math.max(0, length);
        }
        channel.write(ByteBuffer.wrap(new byte[] {1}));
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
