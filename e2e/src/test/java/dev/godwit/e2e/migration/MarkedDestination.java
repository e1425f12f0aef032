package dev.godwit.e2e.migration;

import dev.godwit.control.MarkSocket;
import dev.godwit.control.RunDirectory;
import dev.godwit.dest.HostEnvironment;
import dev.godwit.dest.Receiver;
import dev.godwit.dest.ReceiverOptions;
import dev.godwit.dest.StartMark;
import dev.godwit.machine.synthetic.SyntheticMachine;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;

/**
 * A destination in a process of its own that marks what it has not started, as {@code godwit
 * receive} does. Its arguments: the run directory, the port, and where it stands still for ever
 * when COMMIT has come. Prints its port, then what has become of it.
 */
final class MarkedDestination {
  /** Where it stands still. */
  enum Stand {
    NOWHERE,
    BEFORE_THE_MARK_IS_GONE,
    AFTER_THE_MARK_IS_GONE
  }

  private MarkedDestination() {}

  public static void main(String[] args) throws Exception {
    RunDirectory directory = RunDirectory.at(Path.of(args[0]));
    Stand stand = Stand.valueOf(args[2]);
    ReceiverOptions lab = Lab.options();
    Receiver receiver =
        Receiver.start(
            new ReceiverOptions(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[1])),
                lab.producer(),
                lab.silence(),
                lab.commit(),
                lab.answers()),
            (config, memory) -> SyntheticMachine.build(config, memory, 1).machine(),
            new Host(directory, stand));
    say(Integer.toString(receiver.port()));
    try {
      receiver.outcome().toCompletableFuture().get();
      say("runs");
    } catch (ExecutionException e) {
      say("gave up");
      Runtime.getRuntime().halt(1);
    }
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private record Host(RunDirectory directory, Stand stand) implements HostEnvironment {
    @Override
    public Optional<Reservation> reserveName(String name) {
      return Optional.of(() -> {});
    }

    @Override
    public StartMark markUnstarted(byte[] token) {
      MarkSocket mark = MarkSocket.place(directory, token);
      return new StartMark() {
        @Override
        public void remove() {
          standIf(Stand.BEFORE_THE_MARK_IS_GONE);
          mark.remove();
          standIf(Stand.AFTER_THE_MARK_IS_GONE);
        }

        @Override
        public void abandon() {
          mark.abandon();
        }
      };
    }

    @Override
    public boolean diedUnstarted(byte[] token) {
      return MarkSocket.isLeftBehind(directory, token);
    }

    @Override
    public void forgetUnstarted(byte[] token) {
      MarkSocket.clear(directory, token);
    }

    private void standIf(Stand here) {
      if (stand == here) {
        say("stands");
        try {
          new CountDownLatch(1).await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }
}
