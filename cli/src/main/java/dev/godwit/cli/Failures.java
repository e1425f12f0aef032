package dev.godwit.cli;

import dev.godwit.control.ControlException;
import dev.godwit.machine.MachineException;
import dev.godwit.snapshot.SnapshotException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** What a user reads, and a script sees, when a command fails. */
final class Failures {
  private Failures() {}

  /** A command line that makes no sense. */
  static int usage(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    String name = command.getCommandSpec().qualifiedName();
    err.println(name + ": " + sentence(e));
    CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
    err.println("'" + name + " --help' says what it takes.");
    err.flush();
    return ExitStatus.USAGE.code();
  }

  /** A command that failed. */
  static int execution(Exception e, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    ExitStatus status = statusOf(e);
    err.println(command.getCommandSpec().qualifiedName() + ": " + sentence(e));
    if (parsed.hasMatchedOption("--debug")) {
      e.printStackTrace(err);
    }
    err.flush();
    return status.code();
  }

  /** Returns the exit status that a failure stands for. */
  static ExitStatus statusOf(Throwable e) {
    return switch (e) {
      case CliException c -> c.status();
      case ControlException c ->
          switch (c.code()) {
            case NO_SUCH_MACHINE -> ExitStatus.NO_SUCH_MACHINE;
            case NAME_IN_USE, WRONG_STATE -> ExitStatus.WRONG_STATE;
            case BAD_REQUEST -> ExitStatus.USAGE;
            case FAILED -> ExitStatus.TRANSFER_FAILED;
            case CANCELLED -> ExitStatus.CANCELLED;
            case NO_ANSWER, HOST_REFUSED, INTERNAL -> ExitStatus.FAILED;
          };
      case MachineException m ->
          switch (m.code()) {
            case BAD_CONFIG -> ExitStatus.USAGE;
            case WRONG_STATE -> ExitStatus.WRONG_STATE;
            case HOST_REFUSED, LOCK_TIMEOUT -> ExitStatus.FAILED;
          };
      case SnapshotException s ->
          s.code() == SnapshotException.Code.HOST_IO ? ExitStatus.FAILED : ExitStatus.BAD_SNAPSHOT;
      default -> ExitStatus.FAILED;
    };
  }

  /** The project's own exceptions carry a sentence for the user; any other is a defect. */
  static String sentence(Throwable e) {
    String message = e.getMessage();
    boolean own =
        e.getClass().getName().startsWith("dev.godwit.") || e instanceof ParameterException;
    if (own && message != null) {
      return message;
    }
    return "this should not happen: " + e + "; --debug shows where";
  }
}
