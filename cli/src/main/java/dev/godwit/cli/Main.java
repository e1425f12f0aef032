package dev.godwit.cli;

import dev.godwit.control.RunDirectory;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The program {@code godwit}: the one entry point of every command. */
@Command(
    name = "godwit",
    description = "Runs virtual machines and moves them while they run.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      RunCommand.class,
      ListCommand.class,
      StatusCommand.class,
      ConsoleCommand.class,
      PauseCommand.class,
      ResumeCommand.class,
      StopCommand.class,
      ReceiveCommand.class,
      MigrateCommand.class,
      MigrationCommand.class,
      SnapshotCommand.class,
      RestoreCommand.class,
      InspectCommand.class,
      DemoCommand.class
    })
public final class Main implements Runnable {

  @Spec private CommandSpec spec;
  private final Supplier<RunDirectory> directory;

  private Main(Supplier<RunDirectory> directory) {
    this.directory = directory;
  }

  /** Runs one command and exits with its status. */
  public static void main(String[] args) {
    System.exit(commandLine(RunDirectory::ofUser).execute(args));
  }

  /** Returns the program, ready to execute. */
  static CommandLine commandLine(Supplier<RunDirectory> directory) {
    CommandLine commandLine =
        new CommandLine(new Main(directory))
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setParameterExceptionHandler(Failures::usage)
            .setExecutionExceptionHandler(Failures::execution);
    commandLine.setExecutionStrategy(
        parsed -> {
          Logging.configure(parsed);
          return new CommandLine.RunLast().execute(parsed);
        });
    return commandLine;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no command given");
  }

  /** Returns the program that a command, at any depth, belongs to. */
  static Main of(CommandSpec command) {
    return (Main) command.root().userObject();
  }

  /** Returns where the machines are. */
  RunDirectory directory() {
    return directory.get();
  }

  /** Returns this program's name and version, as streams and statuses carry it. */
  static String version() {
    String version = Main.class.getPackage().getImplementationVersion();
    return "godwit " + (version == null ? "(not from a jar)" : version);
  }

  /** The version as the build wrote it into the jar's manifest. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {version()};
    }
  }
}
