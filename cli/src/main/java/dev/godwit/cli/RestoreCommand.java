package dev.godwit.cli;

import dev.godwit.cli.host.AssembledMachine;
import dev.godwit.cli.host.CompilerThreads;
import dev.godwit.cli.host.MachineHost;
import dev.godwit.cli.host.PcAssembler;
import dev.godwit.cli.host.Rehearsal;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.RunDirectory;
import dev.godwit.dest.file.RestoreOptions;
import dev.godwit.dest.file.RestoredMachine;
import dev.godwit.dest.file.SnapshotRestorer;
import dev.godwit.snapshot.file.ManifestCodec;
import dev.godwit.snapshot.file.SnapshotManifest;
import dev.godwit.snapshot.file.SnapshotPaths;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code godwit restore FILE}. */
@Command(
    name = "restore",
    description = {
      "Runs a machine from its snapshot in this process, its console on this terminal.",
      "FILE is mapped and never written: it can be restored again, and must not be changed while"
          + " the machine runs."
    })
final class RestoreCommand implements Callable<Integer> {
  @Spec CommandSpec spec;
  @ParentCommand Main main;
  @Mixin CommonOptions common;

  @Parameters(paramLabel = "FILE", description = "The RAM file; its two companions stand beside.")
  Path file;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "What the machine is to be called. Default: what it was called.")
  @Nullable String name;

  @Mixin EngineOption engine;

  @Option(
      names = "--catch-up",
      description =
          "The time since the snapshot passes in the guest at once. By default the guest does not"
              + " notice it.")
  boolean catchUp;

  @Option(
      names = "--no-verify",
      description = "Begin without reading all of FILE: a damaged page is found by the guest.")
  boolean noVerify;

  @Option(
      names = "--detach",
      description = "In the background: returns when the machine runs, and says its process.")
  boolean detach;

  @Override
  public Integer call() throws Exception {
    RunDirectory directory = main.directory();
    String machineName = name;
    if (machineName == null) {
      SnapshotManifest manifest = ManifestCodec.read(SnapshotPaths.containing(file).meta());
      machineName = manifest.config().name();
    }
    return detach ? background(directory, machineName) : foreground(directory, machineName);
  }

  private int foreground(RunDirectory directory, String machineName) throws Exception {
    try (MachineHost host = MachineHost.open(directory, machineName, Main.version())) {
      CompilerThreads.letOthersFirst();
      Foreground foreground = new Foreground(host, Messages.to(spec), true);
      foreground.listening();
      AtomicReference<@Nullable AssembledMachine> assembled = new AtomicReference<>();
      SnapshotRestorer restorer =
          new SnapshotRestorer(
              (config, memory) -> {
                AssembledMachine machine =
                    new PcAssembler().assemble(config, memory, engine.engine, Optional.empty());
                assembled.set(machine);
                return machine.machine();
              },
              InstantSource.system());
      RestoredMachine restored =
          restorer.restore(file, new RestoreOptions(Optional.of(machineName), !noVerify, catchUp));
      AssembledMachine machine = assembled.get();
      if (machine == null) {
        throw new IllegalStateException("restored without being built");
      }
      host.adopt(machine);
      restored.start();
      new Rehearsal(new PcAssembler(), engine.engine, Main.version()).later(host);
      Messages.to(spec)
          .say(
              machineName
                  + (restored.manifest().paused()
                      ? " is restored, paused as it was"
                      : " is restored")
                  + " from "
                  + file);
      return foreground.untilEnd().code();
    }
  }

  private int background(RunDirectory directory, String machineName) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "restore",
                file.toAbsolutePath().toString(),
                "--name",
                machineName,
                "--engine",
                engine.engine));
    if (catchUp) {
      arguments.add("--catch-up");
    }
    if (noVerify) {
      arguments.add("--no-verify");
    }
    arguments.addAll(common.forwarded());
    MachineStatus status =
        DetachedProcess.start(
            directory, machineName, arguments, s -> s.state() != MachineStatus.State.CREATED);
    spec.commandLine().getOut().println(machineName + ": runs as process " + status.pid());
    spec.commandLine().getOut().flush();
    return ExitStatus.OK.code();
  }
}
