package dev.godwit.cli;

import dev.godwit.boot.BootImage;
import dev.godwit.cli.host.AssembledMachine;
import dev.godwit.cli.host.CompilerThreads;
import dev.godwit.cli.host.HostMemory;
import dev.godwit.cli.host.MachineAssembler;
import dev.godwit.cli.host.MachineHost;
import dev.godwit.cli.host.PcAssembler;
import dev.godwit.cli.host.Rehearsal;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.RunDirectory;
import dev.godwit.cpu.CpuException;
import dev.godwit.cpu.CpuModel;
import dev.godwit.guest.GuestAssets;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.Pc;
import dev.godwit.memory.GuestMemory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code godwit run NAME}. */
@Command(
    name = "run",
    description = {
      "Runs a machine in this process, its console on this terminal.",
      "Without --kernel it is a stock Debian kernel with a small shell, which is fetched at the"
          + " first time."
    })
final class RunCommand implements Callable<Integer> {
  @Spec CommandSpec spec;
  @ParentCommand Main main;
  @Mixin CommonOptions common;

  @Parameters(paramLabel = "NAME", description = "What the machine is to be called.")
  String name;

  @Option(
      names = "--kernel",
      paramLabel = "FILE",
      description = "A Linux bzImage or vmlinux, or a Multiboot kernel.")
  @Nullable Path kernel;

  @Option(
      names = "--kernel-format",
      paramLabel = "FORMAT",
      defaultValue = "auto",
      description = {
        "auto: what the file says that it is; or flat: the whole file goes to 1 MiB and is entered"
            + " there in 32-bit mode.",
        "Default: ${DEFAULT-VALUE}."
      })
  BootImage.Format kernelFormat;

  @Option(names = "--initrd", paramLabel = "FILE", description = "The initial RAM disk.")
  @Nullable Path initrd;

  @Option(
      names = "--cmdline",
      paramLabel = "TEXT",
      defaultValue = "console=ttyS0",
      description = "The kernel's command line. Default: ${DEFAULT-VALUE}.")
  String commandLine;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      defaultValue = "512M",
      converter = ByteSize.class,
      description = "The machine's RAM. Default: ${DEFAULT-VALUE}.")
  long ramBytes;

  @Option(
      names = "--cpus",
      paramLabel = "N",
      defaultValue = "1",
      description = "How many CPUs. Default: ${DEFAULT-VALUE}.")
  int cpus;

  @Option(
      names = "--cpu",
      paramLabel = "MODEL",
      description = {
        "What its CPUs look like to the guest: x86-64-v1 or x86-64-v2.",
        "The same wherever it moves. Default: x86-64-v2."
      })
  @Nullable String cpuModel;

  @Option(
      names = "--debug-ports",
      description = {
        "Adds the ports of test programs: F4h ends the machine, E9h prints.",
        "The exit status is then the guest's: twice what it wrote to F4h, plus 1."
      })
  boolean debugPorts;

  @Mixin EngineOption engine;

  @Option(
      names = "--detach",
      description = "In the background: returns when the machine runs, and says its process.")
  boolean detach;

  @Override
  public Integer call() throws Exception {
    MachineAssembler assembler = new PcAssembler();
    MachineConfig config = configure(assembler);
    HostMemory.require(name, ramBytes);
    BootImage image = image();
    RunDirectory directory = main.directory();
    return detach ? background(directory, image) : foreground(directory, assembler, config, image);
  }

  private MachineConfig configure(MachineAssembler assembler) {
    MachineConfig config = assembler.configure(name, ramBytes, cpus);
    if (cpuModel != null) {
      try {
        config = config.withCpuModel(CpuModel.named(cpuModel).title());
      } catch (CpuException e) {
        throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
      }
    }
    return debugPorts ? config.withDevices(Pc.DEBUG_DEVICES) : config;
  }

  private BootImage image() {
    if (kernel != null) {
      return new BootImage(kernel, kernelFormat, Optional.ofNullable(initrd), commandLine);
    }
    if (initrd != null || kernelFormat != BootImage.Format.AUTO) {
      throw new ParameterException(
          spec.commandLine(),
          "--initrd and --kernel-format belong to a kernel: give --kernel, too");
    }
    GuestAssets assets = GuestAssets.prepare(Messages.to(spec)::say);
    return new BootImage(assets.kernel(), Optional.of(assets.initrd()), commandLine);
  }

  private int foreground(
      RunDirectory directory, MachineAssembler assembler, MachineConfig config, BootImage image)
      throws Exception {
    CompilerThreads.letOthersFirst();
    try (MachineHost host = MachineHost.open(directory, name, Main.version())) {
      Foreground foreground = new Foreground(host, Messages.to(spec), true);
      foreground.listening();
      GuestMemory memory = GuestMemory.allocate(config.ramBytes());
      AssembledMachine machine;
      try {
        machine = assembler.assemble(config, memory, engine.engine, Optional.of(image));
      } catch (RuntimeException e) {
        memory.close();
        throw e;
      }
      host.adopt(machine);
      machine.machine().start();
      new Rehearsal(assembler, engine.engine, Main.version()).later(host);
      return foreground.untilEnd().code();
    }
  }

  private int background(RunDirectory directory, BootImage image) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "run",
                name,
                "--kernel",
                image.kernel().toAbsolutePath().toString(),
                "--kernel-format",
                image.format().name(),
                "--cmdline",
                commandLine,
                "--memory",
                Long.toString(ramBytes),
                "--cpus",
                Integer.toString(cpus),
                "--engine",
                engine.engine));
    if (cpuModel != null) {
      arguments.addAll(List.of("--cpu", cpuModel));
    }
    if (debugPorts) {
      arguments.add("--debug-ports");
    }
    image
        .initrd()
        .ifPresent(file -> arguments.addAll(List.of("--initrd", file.toAbsolutePath().toString())));
    arguments.addAll(common.forwarded());
    MachineStatus status =
        DetachedProcess.start(
            directory, name, arguments, s -> s.state() != MachineStatus.State.CREATED);
    spec.commandLine().getOut().println(name + ": runs as process " + status.pid());
    spec.commandLine().getOut().flush();
    return ExitStatus.OK.code();
  }
}
