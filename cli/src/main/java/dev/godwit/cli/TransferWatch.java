package dev.godwit.cli;

import com.google.gson.JsonObject;
import dev.godwit.cli.host.MachineHost;
import dev.godwit.cli.terminal.StatusLine;
import dev.godwit.cli.terminal.Terminals;
import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Phase;
import java.io.PrintWriter;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Shows a migration or snapshot while it runs, and its end: one line that is overwritten on a
 * terminal, a line for each phase and round elsewhere, JSON for programs. Ctrl-C cancels it.
 */
final class TransferWatch {
  /** How long a cancelled transfer may take to be undone, and one that is too late to be over. */
  private static final long AFTER_INTERRUPT_SECONDS = 20;

  /** For a failure's sentence to be printed before the JVM is halted. */
  private static final long LAST_WORDS_MILLIS = 300;

  private final CommandSpec spec;
  private final ControlClient client;
  private final String machine;
  private final boolean json;
  private final StatusLine line = new StatusLine(System.err, Terminals.isError());
  private final CompletableFuture<ExitStatus> finished = new CompletableFuture<>();
  private volatile @Nullable TransferEvent latest;

  /**
   * @param machine what is moved or saved
   */
  TransferWatch(CommandSpec spec, ControlClient client, String machine, boolean json) {
    this.spec = spec;
    this.client = client;
    this.machine = machine;
    this.json = json;
  }

  /**
   * Runs it to its end and returns how that was.
   *
   * @param transfer starts it with who is to hear of its progress; returns its last event
   */
  ExitStatus follow(Function<Consumer<TransferEvent>, TransferEvent> transfer) {
    Thread interrupted = new Thread(this::interrupted, "cancel-transfer");
    Runtime.getRuntime().addShutdownHook(interrupted);
    ExitStatus status = ExitStatus.FAILED;
    try {
      status = end(transfer.apply(this::progress));
      return status;
    } catch (ControlException e) {
      line.clear();
      CliException told = explain(e);
      status = told.status();
      throw told;
    } finally {
      finished.complete(status);
      try {
        Runtime.getRuntime().removeShutdownHook(interrupted);
      } catch (IllegalStateException e) {
        // It was interrupted: the hook is what ends this JVM.
      }
    }
  }

  private CliException explain(ControlException e) {
    if (json) {
      JsonObject error = new JsonObject();
      error.addProperty("type", "error");
      error.addProperty("errorCode", e.code().name());
      error.addProperty("error", e.getMessage());
      print(Json.line(error));
    }
    return e.code() == ControlException.Code.NO_ANSWER
        ? new CliException(
            ExitStatus.OUTCOME_UNKNOWN, e.getMessage() + "; nobody here knows how it ended", e)
        : new CliException(Failures.statusOf(e), String.valueOf(e.getMessage()), e);
  }

  private void progress(TransferEvent event) {
    TransferEvent before = latest;
    latest = event;
    if (event.phase().isLast()) {
      return;
    }
    if (event.phase() == Phase.WAITING && (before == null || before.phase() != Phase.WAITING)) {
      line.clear();
      PrintWriter err = spec.commandLine().getErr();
      err.println(
          spec.qualifiedName()
              + ": machine "
              + machine
              + " waits: "
              + MachineHost.adviceWhileWaiting(machine));
      err.flush();
    }
    if (json) {
      print(typed("progress", event));
    } else if (line.inPlace() || before == null || TransferText.isNews(before, event)) {
      line.show(TransferText.line(event));
    }
  }

  private ExitStatus end(TransferEvent event) {
    line.clear();
    if (json) {
      print(typed("result", event));
    }
    PrintWriter err = spec.commandLine().getErr();
    ExitStatus status =
        switch (event.phase()) {
          case DONE -> ExitStatus.OK;
          case CANCELLED -> ExitStatus.CANCELLED;
          default -> ExitStatus.TRANSFER_FAILED;
        };
    if (status == ExitStatus.OK && !json) {
      print(TransferText.line(event));
      TransferEvent.Downtime downtime = event.downtime();
      if (downtime != null) {
        TransferText.downtime(downtime).forEach(this::print);
      }
      TransferText.accounts(event).forEach(this::print);
    } else if (status != ExitStatus.OK) {
      err.println(
          spec.qualifiedName()
              + ": "
              + event.phase().text()
              + ": "
              + event.error()
              + "; the machine goes on here");
      err.flush();
    }
    return status;
  }

  private static String typed(String type, TransferEvent event) {
    JsonObject object = new JsonObject();
    object.addProperty("type", type);
    Json.object(event).entrySet().forEach(e -> object.add(e.getKey(), e.getValue()));
    return Json.line(object);
  }

  private void print(String text) {
    spec.commandLine().getOut().println(text);
    spec.commandLine().getOut().flush();
  }

  /**
   * The JVM was told to end (Ctrl-C): cancels, waits for what comes of it, ends with its status.
   */
  private void interrupted() {
    TransferEvent event = latest;
    ExitStatus status = ExitStatus.OUTCOME_UNKNOWN;
    try {
      line.clear();
      if (!client.cancelTransfer()) {
        System.err.println(
            event != null && event.phase() == Phase.WAITING
                ? "godwit: not cancelled: " + TransferText.line(event)
                : "godwit: too late to cancel: the machine is being handed over");
      }
      boolean waits = event != null && event.phase() == Phase.WAITING;
      status = finished.get(waits ? 0 : AFTER_INTERRUPT_SECONDS, TimeUnit.SECONDS);
      Thread.sleep(LAST_WORDS_MILLIS);
    } catch (TimeoutException | ExecutionException | InterruptedException | ControlException e) {
      System.err.println("godwit: nobody here knows how it ended: godwit status tells");
    }
    System.err.flush();
    Runtime.getRuntime().halt(status.code());
  }
}
