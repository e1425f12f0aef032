package dev.godwit.cli;

import com.google.gson.JsonObject;
import dev.godwit.cli.demo.Demo;
import dev.godwit.cli.demo.DemoReport;
import dev.godwit.cli.terminal.StatusLine;
import dev.godwit.cli.terminal.Terminals;
import dev.godwit.control.TransferEvent;
import dev.godwit.guest.GuestAssets;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code godwit demo}. */
@Command(
    name = "demo",
    description = {
      "Boots a real Linux, moves it to a second process while it runs, and checks that nothing was"
          + " lost.",
      "Takes about a minute, the first time longer: it fetches the guest."
    })
final class DemoCommand implements Callable<Integer> {
  @Spec CommandSpec spec;
  @Mixin CommonOptions common;
  @Mixin EngineOption engine;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      defaultValue = "256M",
      converter = ByteSize.class,
      description = "The machine's RAM. Default: ${DEFAULT-VALUE}.")
  long ramBytes;

  @Option(
      names = "--json",
      description = "The result as one JSON object on standard output; all else on standard error.")
  boolean json;

  @Override
  public Integer call() throws Exception {
    PrintWriter out = json ? spec.commandLine().getErr() : spec.commandLine().getOut();
    GuestAssets assets = GuestAssets.prepare(line -> say(out, line));
    Path folder = Files.createTempDirectory("godwit-demo");
    Demo demo = new Demo(assets, ramBytes, engine.engine, folder, new Screen(out));
    Thread cleanUp =
        new Thread(
            () -> {
              demo.abandon();
              delete(folder);
            },
            "break-off-demo");
    Runtime.getRuntime().addShutdownHook(cleanUp);
    DemoReport report;
    try {
      report = demo.play();
    } finally {
      delete(folder);
    }
    if (json) {
      JsonObject result = Json.object(report);
      result.addProperty("allHeld", report.allHeld());
      spec.commandLine().getOut().println(Json.line(result));
      spec.commandLine().getOut().flush();
    } else {
      print(out, report);
    }
    return (report.allHeld() ? ExitStatus.OK : ExitStatus.FAILED).code();
  }

  private static void print(PrintWriter out, DemoReport report) {
    TransferEvent.Downtime downtime = report.migration().downtime();
    out.println();
    out.printf(Locale.ROOT, "%-20s %9.2f s%n", "boot to the shell", report.bootSeconds());
    if (downtime != null) {
      TransferText.downtime(downtime).forEach(out::println);
    }
    out.printf(
        Locale.ROOT,
        "%-20s %9.2f ms, between two beats %d ms apart%n",
        "longest gap",
        report.heartbeats().longestGapMillis(),
        Demo.INTERVAL_MILLIS);
    out.printf(
        Locale.ROOT,
        "%-20s %9d, of them %d before and %d after the migration%n%n",
        "heartbeats",
        report.heartbeats().count(),
        report.beatsBefore(),
        report.beatsAfter());
    for (DemoReport.Check check : report.checks()) {
      out.println((check.held() ? "  ok      " : "  FAILED  ") + check.claim());
    }
    out.println();
    out.println(
        report.allHeld()
            ? "The machine moved while it ran, and nothing was lost."
            : "Something did not hold.");
    out.flush();
  }

  private static void say(PrintWriter out, String line) {
    out.println(line);
    out.flush();
  }

  /** The folder holds sockets and a lock file only. */
  private static void delete(Path folder) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      // It has been deleted, or somebody put something of their own there.
    }
  }

  /** Shows the migration as {@code godwit migrate} does. */
  private static final class Screen implements Demo.Stage {
    private final PrintWriter out;
    private final StatusLine line = new StatusLine(System.err, Terminals.isError());
    private @Nullable TransferEvent latest;

    Screen(PrintWriter out) {
      this.out = out;
    }

    @Override
    public void say(String text) {
      line.clear();
      DemoCommand.say(out, text);
    }

    @Override
    public void progress(TransferEvent event) {
      TransferEvent before = latest;
      latest = event;
      if (event.phase().isLast()) {
        say(TransferText.line(event));
      } else if (line.inPlace()) {
        line.show(TransferText.line(event));
      } else if (before == null || TransferText.isNews(before, event)) {
        say(TransferText.line(event));
      }
    }
  }
}
