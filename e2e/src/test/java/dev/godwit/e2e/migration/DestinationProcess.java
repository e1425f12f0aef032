package dev.godwit.e2e.migration;

import dev.godwit.dest.Received;
import dev.godwit.dest.Receiver;
import dev.godwit.machine.synthetic.SyntheticMachine;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A destination in a process of its own: prints its port, then what became of the machine. */
final class DestinationProcess {
  private DestinationProcess() {}

  public static void main(String[] args) throws Exception {
    List<SyntheticMachine> built = new ArrayList<>();
    Receiver receiver =
        Receiver.start(
            Lab.options(),
            (config, memory) -> {
              built.add(SyntheticMachine.build(config, memory, 1));
              return built.getLast().machine();
            },
            name -> Optional.of(() -> {}));
    System.out.println(receiver.port());
    Received received = receiver.outcome().toCompletableFuture().get();
    SyntheticMachine machine = built.getLast();
    Thread.sleep(300);
    String wrong = machine.check();
    System.out.println(
        wrong.isEmpty() && machine.steps() > 0
            ? "whole " + received.machine().config().name()
            : wrong);
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }
}
