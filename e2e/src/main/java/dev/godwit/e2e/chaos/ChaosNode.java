package dev.godwit.e2e.chaos;

import dev.godwit.boot.BootImage;
import dev.godwit.cli.ExitStatus;
import dev.godwit.cli.host.AssembledMachine;
import dev.godwit.cli.host.Endpoint;
import dev.godwit.cli.host.HostEnd;
import dev.godwit.cli.host.MachineHost;
import dev.godwit.cli.host.Reception;
import dev.godwit.control.RunDirectory;
import dev.godwit.dest.ReceiveException;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import net.jpountz.lz4.LZ4Factory;

/**
 * A host of machines in one process: what {@code godwit run} and {@code godwit receive} do, one
 * machine after the other, so that a process need not be started for every migration.
 *
 * <p>Usage: {@code ChaosNode RUN_DIRECTORY WITNESSES KERNEL}. It is told what to do on standard
 * input, a line each, and answers with a line that starts with {@code =}; what happens by itself is
 * a line that starts with {@code !}. Everything else goes by the control sockets, as with users.
 */
final class ChaosNode {
  private static final String VERSION = "godwit chaos";

  /** The port of the receiver that was started last. */
  private volatile int newestReceiver;

  private final RunDirectory directory;
  private final ChaosAssembler assembler;
  private final Path kernel;
  private final Map<String, Machine> machines = new ConcurrentHashMap<>();

  private ChaosNode(String[] args) {
    directory = RunDirectory.at(Path.of(args[0]));
    assembler = new ChaosAssembler(Path.of(args[1]));
    kernel = Path.of(args[2]);
  }

  public static void main(String[] args) throws IOException {
    ChaosNode node = new ChaosNode(args);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    // It may have to unpack itself into a temporary file, which is none that a migration leaves.
    LZ4Factory.fastestInstance();
    say("= ready");
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String answer;
      try {
        answer = node.obey(line.split(" ", -1));
      } catch (RuntimeException e) {
        answer = "failed: " + e;
      }
      say("= " + answer);
    }
    // Whoever started it is gone: nothing is to be left.
    Runtime.getRuntime().halt(0);
  }

  private static synchronized void say(String line) {
    System.out.println(line.replace('\n', ' '));
    System.out.flush();
  }

  private String obey(String[] words) {
    return switch (words[0]) {
      case "boot" -> boot(words[1]);
      case "receive" -> receive();
      case "check" -> check(words[1]);
      case "living" -> Integer.toString(assembler.living());
      case "collect" -> collect();
      default -> throw new IllegalArgumentException("unknown command " + words[0]);
    };
  }

  private String boot(String name) {
    MachineHost host = MachineHost.open(directory, name, VERSION);
    MachineConfig config = assembler.configure(name, ChaosGuest.RAM_BYTES, 1);
    GuestMemory memory = GuestMemory.allocate(config.ramBytes());
    AssembledMachine machine =
        assembler.assemble(
            config, memory, "soft", Optional.of(new BootImage(kernel, Optional.empty(), "")));
    host.adopt(machine);
    machine.machine().start();
    machines.put(name, machine.machine());
    followUntilEnd(host, () -> {});
    return "booted";
  }

  /** As {@code godwit receive}: a host by the port's name, until a machine gives it its own. */
  private String receive() {
    Reception reception =
        new Reception(new Endpoint("127.0.0.1", 0), null, assembler, "soft", VERSION);
    int port = reception.listening().port();
    newestReceiver = port;
    MachineHost host = MachineHost.open(directory, "receive-" + port, VERSION);
    reception
        .outcome()
        .whenComplete(
            (received, error) -> {
              if (error == null) {
                machines.put(host.name(), received.machine());
                say("! received " + host.name());
              } else {
                Throwable reason = Reception.reason(error);
                // One that had all of a machine answers for a while before it says so: another may
                // be waiting by then, of whose end this would be taken for the word.
                if (port == newestReceiver) {
                  say(
                      "! failed "
                          + (reason instanceof ReceiveException e ? e.code() + ": " : "")
                          + reason.getMessage());
                }
                host.end(
                    new HostEnd(ExitStatus.TRANSFER_FAILED, String.valueOf(reason.getMessage())));
              }
            });
    reception.host(host);
    followUntilEnd(host, reception::close);
    return Integer.toString(port);
  }

  private void followUntilEnd(MachineHost host, Runnable afterwards) {
    Thread.ofVirtual()
        .name("host-end")
        .start(
            () -> {
              try {
                HostEnd end = host.awaitEnd();
                machines.remove(host.name());
                afterwards.run();
                say("! ended " + host.name() + ": " + end.sentence());
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private String check(String name) {
    Machine machine = machines.get(name);
    if (machine == null) {
      return "no machine " + name + " is here";
    }
    String wrong = ChaosGuest.check(machine);
    return wrong.isEmpty() ? "whole" : wrong;
  }

  private static String collect() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return Long.toString(runtime.totalMemory() - runtime.freeMemory());
  }
}
