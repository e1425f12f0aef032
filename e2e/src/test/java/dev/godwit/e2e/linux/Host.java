package dev.godwit.e2e.linux;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.godwit.control.ControlClient;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.RunDirectory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What stands for one host: a directory of control sockets, and the processes started there. */
final class Host implements AutoCloseable {
  private static final AtomicInteger NUMBERS = new AtomicInteger();
  private static final long COMMAND_SECONDS = 240;

  private final Path logs;
  private final RunDirectory directory;
  private final List<Started> started = new ArrayList<>();

  /**
   * What a command did.
   *
   * @param status its exit status
   * @param out its standard output
   * @param err its standard error
   */
  record Done(int status, String out, String err) {}

  /** Makes a host whose processes log to a folder of their own under {@code target/e2e}. */
  Host(String name) throws IOException {
    logs =
        Files.createDirectories(
            Path.of("target", "e2e", name + "-" + NUMBERS.incrementAndGet()).toAbsolutePath());
    try (Stream<Path> old = Files.list(logs)) {
      for (Path file : old.toList()) {
        Files.deleteIfExists(file);
      }
    }
    directory = RunDirectory.at(Files.createTempDirectory("godwit-" + name));
  }

  /** A process that was started and not waited for. */
  static final class Started {
    private final Process process;
    private final Path out;
    private final Path err;

    private Started(Process process, Path out, Path err) {
      this.process = process;
      this.out = out;
      this.err = err;
    }

    Process process() {
      return process;
    }

    String out() throws IOException {
      return Files.readString(out, StandardCharsets.ISO_8859_1);
    }

    String err() throws IOException {
      return Files.readString(err, StandardCharsets.ISO_8859_1);
    }

    /**
     * Waits until its standard output holds something; fails with what it said if it ends before.
     */
    String awaitOut(String wanted) throws Exception {
      return awaitOut(out -> out.contains(wanted), "'" + wanted + "'");
    }

    /** As above, for what can be described in words only. */
    String awaitOut(Predicate<String> wanted, String words) throws Exception {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(COMMAND_SECONDS);
      while (!wanted.test(out())) {
        if (!process.isAlive() && !wanted.test(out())) {
          throw new AssertionError("ended with " + process.exitValue() + ": " + out() + err());
        }
        if (System.nanoTime() > deadline) {
          throw new AssertionError(words + " did not come: " + out() + err());
        }
        Thread.sleep(20);
      }
      return out();
    }

    /** SIGKILL: no last words. */
    void kill() {
      process.destroyForcibly();
    }

    /** SIGINT: as Ctrl-C. */
    void interrupt() throws Exception {
      Process kill = new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start();
      if (kill.waitFor() != 0) {
        throw new AssertionError("it had ended: " + out() + err());
      }
    }

    /** Waits for its end. */
    Done awaitEnd() throws Exception {
      if (!process.waitFor(COMMAND_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError("it does not end: " + out() + err());
      }
      return new Done(process.exitValue(), out(), err());
    }
  }

  /** Returns the objects that {@code --json} has printed so far, a whole line each. */
  static Stream<JsonObject> jsonLines(String out) {
    return out.substring(0, out.lastIndexOf('\n') + 1)
        .lines()
        .map(line -> JsonParser.parseString(line).getAsJsonObject());
  }

  /** Returns the command line of the launched program. */
  static List<String> program(List<String> jvmOptions, List<String> arguments) {
    String app = System.getProperty("godwit.app");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:-DontCompileHugeMethods",
            "-XX:-UseDynamicNumberOfCompilerThreads",
            "-XX:-UsePerfData",
            "-Djava.library.path=" + app + "/native"));
    command.addAll(jvmOptions);
    command.addAll(List.of("-cp", app + "/lib/*", "dev.godwit.cli.Main"));
    command.addAll(arguments);
    return command;
  }

  /** Starts the program. */
  Started start(String... arguments) throws IOException {
    return startCommand(program(List.of(), Arrays.asList(arguments)));
  }

  /** Starts any command with this host's directory in its environment. */
  Started startCommand(List<String> command) throws IOException {
    int number = NUMBERS.incrementAndGet();
    Path out = logs.resolve(number + ".out");
    Path err = logs.resolve(number + ".err");
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("GODWIT_RUN_DIR", directory.path().toString());
    Process process =
        builder
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    Started result = new Started(process, out, err);
    synchronized (started) {
      started.add(result);
    }
    return result;
  }

  /** Runs the program to its end. */
  Done run(String... arguments) throws Exception {
    return start(arguments).awaitEnd();
  }

  /** Starts a receiver on a free port of loopback; {@code address} of it is in what it says. */
  Started receive(String... more) throws Exception {
    return receiveAt("127.0.0.1:0", more);
  }

  /** Starts a receiver at an address and waits until it listens. */
  Started receiveAt(String address, String... more) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("receive", "--listen", address));
    arguments.addAll(Arrays.asList(more));
    Started receiver = start(arguments.toArray(String[]::new));
    receiver.awaitOut("listening on ");
    return receiver;
  }

  /** Returns the address on which a receiver says that it listens. */
  static String address(Started receiver) throws Exception {
    String out = receiver.awaitOut("\n");
    String said = "listening on ";
    int at = out.indexOf(said) + said.length();
    return out.substring(at, out.indexOf('\n', at)).strip();
  }

  /** Connects to a machine, waiting until its process answers and the machine runs. */
  ControlClient connect(String machine) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(COMMAND_SECONDS);
    while (System.nanoTime() < deadline) {
      if (directory.isAlive(machine)) {
        ControlClient client = ControlClient.connect(directory, machine);
        if (client.status().state() == MachineStatus.State.RUNNING) {
          return client;
        }
        client.close();
      }
      Thread.sleep(20);
    }
    throw new AssertionError("machine " + machine + " does not run; there is " + machines());
  }

  /** Returns the folder of control sockets. */
  Path runDirectory() {
    return directory.path();
  }

  /** Returns the machines that answer here. */
  List<String> machines() {
    return directory.names().stream().filter(directory::isAlive).toList();
  }

  /** Returns everything that is left in the directory of control sockets. */
  List<String> leftovers() {
    return directory.names();
  }

  /** Ends every process that was started here, but for one that goes on. */
  void endAllBut(@Nullable Started kept) throws InterruptedException {
    List<Started> all;
    synchronized (started) {
      all = List.copyOf(started);
    }
    for (Started one : all) {
      if (one != kept) {
        one.process.descendants().forEach(ProcessHandle::destroyForcibly);
        one.process.destroyForcibly().waitFor();
      }
    }
  }

  /** Ends every process that was started here. */
  @Override
  public void close() throws Exception {
    endAllBut(null);
    try (Stream<Path> sockets = Files.list(directory.path())) {
      for (Path left : sockets.toList()) {
        Files.delete(left);
      }
    }
    Files.delete(directory.path());
  }
}
