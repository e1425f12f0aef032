package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.RunDirectory;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code godwit list}. */
@Command(name = "list", description = "Lists the machines that run here.")
final class ListCommand implements Callable<Integer> {
  private static final String ROW = "%-20s %-10s %8s %5s %9s %10s  %s%n";

  @Spec CommandSpec spec;
  @ParentCommand Main main;
  @Mixin CommonOptions common;

  @Option(names = "--json", description = "One JSON object a machine and line.")
  boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    RunDirectory directory = main.directory();
    List<MachineStatus> machines = new ArrayList<>();
    ExitStatus status = ExitStatus.OK;
    for (String name : directory.names()) {
      try (ControlClient client = ControlClient.connect(directory, name)) {
        machines.add(client.status());
      } catch (ControlException e) {
        if (e.code() != ControlException.Code.NO_SUCH_MACHINE && directory.isAlive(name)) {
          spec.commandLine().getErr().println("godwit list: " + e.getMessage());
          status = ExitStatus.FAILED;
        }
      }
    }
    if (json) {
      machines.forEach(machine -> out.println(Json.line(machine)));
    } else {
      out.printf(Locale.ROOT, ROW, "NAME", "STATE", "PID", "VCPUS", "MEMORY", "UP", "");
      machines.forEach(machine -> print(out, machine));
    }
    out.flush();
    return status.code();
  }

  private static void print(PrintWriter out, MachineStatus machine) {
    boolean empty = machine.ramBytes() == 0;
    out.printf(
        Locale.ROOT,
        ROW,
        machine.name(),
        machine.state().text(),
        machine.pid(),
        empty ? "-" : machine.vcpus(),
        empty ? "-" : ByteSize.text(machine.ramBytes()),
        empty ? "-" : StatusCommand.upTime(machine.guestNanos()),
        machine.detail());
  }
}
