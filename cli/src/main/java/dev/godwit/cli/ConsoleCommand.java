package dev.godwit.cli;

import dev.godwit.cli.terminal.KeyboardPump;
import dev.godwit.cli.terminal.RawMode;
import dev.godwit.cli.terminal.Terminals;
import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code godwit console NAME}. */
@Command(
    name = "console",
    description = "Attaches to a machine's console; on a terminal, Ctrl-] leaves it.")
final class ConsoleCommand extends MachineCommand {
  @Option(names = "--no-scrollback", description = "Only what the guest writes from now on.")
  boolean noScrollBack;

  @Override
  ExitStatus ask(ControlClient client) throws Exception {
    boolean terminal = Terminals.isInput();
    CompletableFuture<Optional<ControlException>> closed = new CompletableFuture<>();
    CompletableFuture<Void> left = new CompletableFuture<>();
    left.thenRun(() -> closed.complete(Optional.empty()));
    if (terminal) {
      say("console of " + name + "; Ctrl-] leaves it");
    }
    Optional<ControlException> error;
    try (RawMode raw = terminal ? RawMode.enter() : null;
        ControlClient.ConsoleSession session = client.console(!noScrollBack, new Screen(closed))) {
      KeyboardPump.start(System.in, terminal, session::write, () -> left.complete(null));
      error = closed.get();
    }
    if (error.isPresent()) {
      throw error.get();
    }
    if (terminal) {
      say(left.isDone() ? "left the console; the machine goes on" : "the machine has gone");
    }
    return ExitStatus.OK;
  }

  private void say(String sentence) {
    spec.commandLine().getErr().println("[" + sentence + "]");
    spec.commandLine().getErr().flush();
  }

  /** Writes what the guest writes, as it is. */
  private static final class Screen implements ControlClient.ConsoleListener {
    private final OutputStream out = new FileOutputStream(FileDescriptor.out);
    private final CompletableFuture<Optional<ControlException>> closed;

    Screen(CompletableFuture<Optional<ControlException>> closed) {
      this.closed = closed;
    }

    @Override
    public void output(byte[] bytes, long droppedBytes) {
      try {
        if (droppedBytes > 0) {
          System.err.print("\r\n[" + droppedBytes + " bytes were lost: too slow]\r\n");
        }
        out.write(bytes);
      } catch (IOException e) {
        closed.complete(Optional.empty()); // nobody reads any more
      }
    }

    @Override
    public void closed(@Nullable ControlException error) {
      closed.complete(Optional.ofNullable(error));
    }
  }
}
