package dev.godwit.cli;

import dev.godwit.cli.host.Rehearsal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.logging.ConsoleHandler;
import java.util.logging.FileHandler;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParseResult;

/** Where the log goes, and how much of it. */
final class Logging {
  private static final String FORMAT_PROPERTY = "java.util.logging.SimpleFormatter.format";
  private static final String LINE = "%1$tFT%1$tT.%1$tL %4$s %3$s: %5$s%6$s%n";

  /** Loggers are weakly held: without this, a level would be lost with its logger. */
  private static final Logger OURS = Logger.getLogger("dev.godwit");

  /** Warns that UNIX sockets do not know the keep-alive option, which gRPC sets on all. */
  private static final Logger NETTY = Logger.getLogger("io.netty.bootstrap");

  private Logging() {}

  /** Warnings to standard error; with a file, all that matters into that. */
  static void configure(ParseResult parsed) {
    ParseResult command = parsed;
    while (command.hasSubcommand()) {
      command = command.subcommand();
    }
    CommonOptions options =
        command.commandSpec().mixins().get("common") == null
            ? new CommonOptions()
            : (CommonOptions) command.commandSpec().mixins().get("common").userObject();
    configure(options.debug, options.logFile);
  }

  private static void configure(boolean debug, @Nullable Path file) {
    if (System.getProperty(FORMAT_PROPERTY) == null) {
      System.setProperty(FORMAT_PROPERTY, LINE);
    }
    LogManager.getLogManager().reset();
    Logger root = Logger.getLogger("");
    Handler handler;
    try {
      handler = file == null ? new ConsoleHandler() : new FileHandler(escape(file), true);
    } catch (IOException e) {
      throw new CliException(
          ExitStatus.FAILED, "the log file " + file + " cannot be written: " + e.getMessage(), e);
    }
    handler.setFormatter(new SimpleFormatter());
    handler.setLevel(Level.ALL);
    handler.setFilter(entry -> !String.valueOf(entry.getMessage()).contains(Rehearsal.NAME));
    root.addHandler(handler);
    root.setLevel(Level.WARNING);
    NETTY.setLevel(Level.SEVERE);
    OURS.setLevel(debug ? Level.FINE : file == null ? Level.WARNING : Level.INFO);
  }

  /** FileHandler takes a pattern, in which % has a meaning. */
  private static String escape(Path file) {
    return file.toAbsolutePath().toString().replace("%", "%%");
  }
}
