package dev.godwit.cli;

import dev.godwit.backend.Console;
import dev.godwit.cli.host.HostEnd;
import dev.godwit.cli.host.MachineHost;
import dev.godwit.cli.terminal.KeyboardPump;
import dev.godwit.cli.terminal.RawMode;
import dev.godwit.cli.terminal.Terminals;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A machine's process as its user sees it: the console on the terminal until the machine ends, or
 * until Ctrl-] leaves it; then the machine goes on and the process waits for its end.
 */
final class Foreground {
  private static final Logger LOG = LoggerFactory.getLogger(Foreground.class);

  /** How long the last of the machine's output may take to be written. */
  private static final long FLUSH_SECONDS = 2;

  private final MachineHost host;
  private final Messages messages;
  private final boolean showsConsole;
  private @Nullable View expected;

  /**
   * @param showsConsole whether the console is on standard input and output
   */
  Foreground(MachineHost host, Messages messages, boolean showsConsole) {
    this.host = host;
    this.messages = messages;
    this.showsConsole = showsConsole;
  }

  /** From now on, whatever ends this JVM gives the machine's name up. */
  void listening() {
    Runtime.getRuntime().addShutdownHook(new Thread(host::abandon, "abandon-name"));
  }

  /**
   * Shows what a machine writes that is on its way here, if consoles are shown: when it runs, there
   * is nothing left to be done for that. Takes the place of an earlier one, which did not come.
   */
  synchronized void expect(Console console) {
    if (showsConsole) {
      View before = expected;
      expected = View.of(console);
      if (before != null) {
        before.close();
      }
    }
  }

  private synchronized View view(Console console) {
    View view = expected;
    return view == null ? View.of(console) : view;
  }

  /** Returns how it ended, having said so. */
  HostEnd untilEnd() throws IOException, InterruptedException {
    HostEnd end = showsConsole && host.hasMachine() ? console(host.console()) : host.awaitEnd();
    messages.say(host.name() + ": " + end.sentence());
    return end;
  }

  private HostEnd console(Console console) throws IOException, InterruptedException {
    boolean terminal = Terminals.isInput();
    if (terminal) {
      messages.say("console of " + host.name() + "; Ctrl-] leaves it");
    }
    try (RawMode raw = terminal ? RawMode.enter() : null;
        View view = view(console)) {
      Console.Attachment attachment = view.attachment();
      KeyboardPump.start(
          System.in, terminal, bytes -> write(attachment, bytes), () -> leave(raw, attachment));
      HostEnd end = host.awaitEnd();
      view.screen().awaitWritten();
      return end;
    }
  }

  private static void write(Console.Attachment attachment, byte[] bytes) {
    try {
      int taken = attachment.write(bytes);
      while (taken < bytes.length && attachment.awaitRoom()) {
        taken += attachment.write(Arrays.copyOfRange(bytes, taken, bytes.length));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void leave(@Nullable RawMode raw, Console.Attachment attachment) {
    attachment.close();
    if (raw != null) {
      raw.close();
    }
    messages.say(
        "left the console; the machine goes on: 'godwit console "
            + host.name()
            + "' comes back to it, Ctrl-C ends it");
  }

  /** A console that is shown. */
  private record View(Screen screen, Console.Attachment attachment) implements AutoCloseable {
    static View of(Console console) {
      Screen screen = new Screen();
      return new View(screen, console.attach(screen));
    }

    @Override
    public void close() {
      attachment.close();
    }
  }

  /** Writes what the guest writes, as it is. */
  private static final class Screen implements Console.Listener {
    private final OutputStream out = new FileOutputStream(FileDescriptor.out);
    private final CountDownLatch written = new CountDownLatch(1);

    @Override
    public void output(byte[] bytes, long droppedBytes) {
      try {
        out.write(bytes);
      } catch (IOException e) {
        throw new IllegalStateException("nobody reads the console any more", e);
      }
    }

    @Override
    public void closed() {
      written.countDown();
    }

    /** Returns when all is written, or when whoever reads standard output has stopped to. */
    void awaitWritten() throws InterruptedException {
      if (!written.await(FLUSH_SECONDS, TimeUnit.SECONDS)) {
        LOG.info("standard output takes no more: the last of the console is lost");
      }
    }
  }
}
