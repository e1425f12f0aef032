package dev.godwit.e2e.chaos;

import dev.godwit.control.MarkSocket;
import dev.godwit.control.RunDirectory;
import dev.godwit.dest.HostEnvironment;
import dev.godwit.dest.Receiver;
import dev.godwit.dest.ReceiverOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Optional;

/**
 * What a user starts where a destination has died: a receiver at the same address, with the same
 * run directory. It takes no machine, and says what the marks there prove.
 */
final class SecondReceiver implements AutoCloseable {
  private final Receiver receiver;

  private SecondReceiver(Receiver receiver) {
    this.receiver = receiver;
  }

  /**
   * Begins to listen.
   *
   * @throws dev.godwit.dest.ReceiveException if somebody else has the port now
   */
  static SecondReceiver start(RunDirectory directory, int port) {
    return new SecondReceiver(
        Receiver.start(
            ReceiverOptions.at(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), port), "chaos"),
            (config, memory) -> {
              throw new IllegalStateException("a machine without a name is built");
            },
            new Marks(directory)));
  }

  private record Marks(RunDirectory directory) implements HostEnvironment {
    @Override
    public Optional<Reservation> reserveName(String name) {
      return Optional.empty();
    }

    @Override
    public boolean diedUnstarted(byte[] token) {
      return MarkSocket.isLeftBehind(directory, token);
    }

    @Override
    public void forgetUnstarted(byte[] token) {
      MarkSocket.clear(directory, token);
    }
  }

  @Override
  public void close() {
    receiver.close();
  }
}
