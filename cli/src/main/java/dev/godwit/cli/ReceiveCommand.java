package dev.godwit.cli;

import com.google.gson.JsonObject;
import dev.godwit.cli.host.CompilerThreads;
import dev.godwit.cli.host.Endpoint;
import dev.godwit.cli.host.HostEnd;
import dev.godwit.cli.host.MachineHost;
import dev.godwit.cli.host.PcAssembler;
import dev.godwit.cli.host.Reception;
import dev.godwit.cli.host.Rehearsal;
import dev.godwit.cli.terminal.Terminals;
import dev.godwit.control.RunDirectory;
import dev.godwit.dest.Received;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code godwit receive}. */
@Command(
    name = "receive",
    description = {
      "Waits for one machine and becomes its process.",
      "Whoever reaches the address can send a machine: listen only where that is meant."
    })
final class ReceiveCommand implements Callable<Integer> {
  private static final double NANOS_PER_MILLI = 1e6;

  /** When a machine has come, it needs the CPU more than anybody needs to be told. */
  private static final Duration TELL_AFTER = Duration.ofMillis(200);

  @Spec CommandSpec spec;
  @ParentCommand Main main;
  @Mixin CommonOptions common;
  @Mixin EngineOption engine;

  @Option(
      names = "--listen",
      required = true,
      paramLabel = "HOST:PORT",
      description = "Where to listen; port 0 for any that is free.")
  String listen;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "What the machine is called here. Default: what it was called there.")
  @Nullable String name;

  @Option(
      names = "--console",
      description = "The machine's console on standard output, also where that is no terminal.")
  boolean console;

  @Option(names = "--json", description = "One JSON object a line for each thing that happens.")
  boolean json;

  @Override
  public Integer call() throws Exception {
    Endpoint endpoint = Endpoint.parse(listen);
    CompilerThreads.letOthersFirst();
    RunDirectory directory = main.directory();
    MachineHost named = name == null ? null : MachineHost.open(directory, name, Main.version());
    try (Reception reception =
            new Reception(endpoint, name, new PcAssembler(), engine.engine, Main.version());
        MachineHost host =
            named != null
                ? named
                : MachineHost.open(
                    directory, "receive-" + reception.listening().port(), Main.version())) {
      CompletableFuture<Received> outcome = reception.outcome();
      reception.host(host);
      return serve(reception, host, outcome);
    } finally {
      if (named != null) {
        named.close();
      }
    }
  }

  private int serve(Reception reception, MachineHost host, CompletableFuture<Received> outcome)
      throws Exception {
    boolean shown = (console || Terminals.isInput()) && !json;
    Foreground foreground = new Foreground(host, Messages.to(spec), shown);
    foreground.listening();
    reception.onArriving(machine -> foreground.expect(machine.console()));
    tellListening(reception.listening(), host.name());
    new Rehearsal(new PcAssembler(), engine.engine, Main.version()).whileIdle(reception::isWaiting);
    outcome.whenComplete(
        (received, error) -> {
          if (error != null) {
            host.end(
                new HostEnd(
                    ExitStatus.TRANSFER_FAILED, Failures.sentence(Reception.reason(error))));
          }
        });
    host.awaitMachineOrEnd();
    if (host.hasMachine()) {
      Thread.sleep(TELL_AFTER);
      tellRunning(host.name(), outcome.join());
    }
    HostEnd end = foreground.untilEnd();
    if (json) {
      JsonObject event = event("ended", host.name());
      event.addProperty("exitStatus", end.code());
      event.addProperty("detail", end.sentence());
      print(Json.line(event));
    }
    return end.code();
  }

  private void tellListening(Endpoint listening, String hostName) {
    if (json) {
      JsonObject event = event("listening", hostName);
      event.addProperty("address", listening.toString());
      event.addProperty("port", listening.port());
      print(Json.line(event));
    } else {
      print("listening on " + listening);
    }
  }

  private void tellRunning(String machineName, Received received) {
    double pauseMillis = received.skippedNanos() / NANOS_PER_MILLI;
    if (json) {
      JsonObject event = event("running", machineName);
      event.addProperty("paused", received.metadata().paused());
      event.addProperty("restoreMillis", received.restoreNanos() / NANOS_PER_MILLI);
      event.addProperty("downtimeMillis", pauseMillis);
      print(Json.line(event));
    } else {
      Messages.to(spec)
          .say(
              received.metadata().paused()
                  ? machineName + " has arrived, paused as it was"
                  : String.format(
                      Locale.ROOT,
                      "%s has arrived and runs; it stood still for %.1f ms",
                      machineName,
                      pauseMillis));
    }
  }

  private static JsonObject event(String type, String machineName) {
    JsonObject event = new JsonObject();
    event.addProperty("type", type);
    event.addProperty("name", machineName);
    return event;
  }

  private void print(String line) {
    synchronized (this) {
      spec.commandLine().getOut().println(line);
      spec.commandLine().getOut().flush();
    }
  }
}
