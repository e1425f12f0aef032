package dev.godwit.e2e.chaos;

import dev.godwit.control.ControlClient;
import dev.godwit.control.RunDirectory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A {@link ChaosNode} as the one who started it sees it: what it says, what it is told, signals,
 * and what the kernel knows of it.
 */
final class NodeProcess implements AutoCloseable {
  private static final long ANSWER_SECONDS = 60;

  /** What a process may have grown by since it was new: its code, its buffers. */
  private static final long ALLOWED_GROWTH_KIB = 48 << 10;

  private static final int ALLOWED_MORE = 8;

  private static final int GROWTH_LOOKS = 20;
  private static final long GROWTH_LOOK_MILLIS = 250;

  /** So many times it is asked for before what it has is compared with. */
  private static final int WARM_UP_RUNS = 4;

  private final Process process;
  private final Path folder;
  private final RunDirectory directory;
  private final Path temporary;
  private final Path errors;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private final List<String> events = new ArrayList<>();
  private final List<String> baseline = new ArrayList<>();

  private volatile boolean frozen;

  private int runs;
  private long memoryKib;
  private int threads;
  private Map<String, Integer> descriptors = Map.of();

  private NodeProcess(
      Process process, Path folder, RunDirectory directory, Path temporary, Path errors) {
    this.process = process;
    this.folder = folder;
    this.directory = directory;
    this.temporary = temporary;
    this.errors = errors;
  }

  /**
   * Starts one.
   *
   * @param folder of its own: control sockets, temporary files, what it says on standard error
   * @param witnesses where the machines' logs are
   * @param patches classes that take the place of the program's own; empty for none
   */
  static NodeProcess start(Path folder, Path witnesses, Path kernel, String patches)
      throws IOException {
    Path temporary = Files.createDirectories(folder.resolve("tmp"));
    Path run = folder.resolve("run");
    Path errors = folder.resolve("err");
    String classPath = System.getProperty("java.class.path");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            "-XX:TieredStopAtLevel=1",
            "-Xmx192m",
            "-Djava.io.tmpdir=" + temporary,
            "-Djava.library.path=" + System.getProperty("java.library.path", ""),
            "-cp",
            patches.isEmpty() ? classPath : patches + ":" + classPath,
            ChaosNode.class.getName(),
            run.toString(),
            witnesses.toString(),
            kernel.toString()));
    Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
    NodeProcess node = new NodeProcess(process, folder, RunDirectory.at(run), temporary, errors);
    Thread.ofVirtual().start(node::listen);
    return node;
  }

  private void listen() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("= ")) {
          answers.add(line.substring(2));
        } else {
          synchronized (events) {
            events.add(line.startsWith("! ") ? line.substring(2) : line);
          }
        }
      }
    } catch (IOException e) {
      // It was killed.
    }
  }

  /**
   * Waits until it is up; what is in its folder of temporary files at the first time may stay
   * there. When it is warm, what it needs is noted.
   */
  void awaitReady() throws IOException, InterruptedException {
    if (runs == 0) {
      answer("start");
      directory.names(); // removes the sockets of who was here before and was killed
      baseline.addAll(temporaryFiles());
    } else if (runs == WARM_UP_RUNS) {
      tell("collect");
      memoryKib = status("RssAnon");
      threads = (int) status("Threads");
      descriptors = descriptors();
    }
    runs++;
  }

  /**
   * Returns what it has too much of, compared with when it was warm. The network threads of the
   * last run may still be on their way out: only what stays is growth.
   */
  List<String> growth() throws IOException, InterruptedException {
    if (runs <= WARM_UP_RUNS) {
      return List.of();
    }
    tell("collect");
    List<String> grown = grown();
    for (int i = 0; i < GROWTH_LOOKS && !grown.isEmpty(); i++) {
      Thread.sleep(GROWTH_LOOK_MILLIS);
      grown = grown();
    }
    return grown.stream()
        .map(what -> "process " + pid() + " has grown in " + runs + " runs: " + what)
        .toList();
  }

  private List<String> grown() throws IOException {
    List<String> grown = new ArrayList<>();
    if (status("RssAnon") > memoryKib + ALLOWED_GROWTH_KIB) {
      grown.add("memory from %d to %d kB".formatted(memoryKib, status("RssAnon")));
    }
    if (status("Threads") > threads + ALLOWED_MORE) {
      grown.add("threads from %d to %d".formatted(threads, status("Threads")));
    }
    Map<String, Integer> now = descriptors();
    if (sum(now) > sum(descriptors) + ALLOWED_MORE) {
      String from = "descriptors from %d to %d".formatted(sum(descriptors), sum(now));
      now.replaceAll((kind, count) -> count - descriptors.getOrDefault(kind, 0));
      now.values().removeIf(more -> more == 0);
      grown.add(from + ", the difference being " + now);
    }
    return grown;
  }

  private static int sum(Map<String, Integer> counts) {
    return counts.values().stream().mapToInt(Integer::intValue).sum();
  }

  /** Returns how many descriptors it has open of each kind, as proc(5) names them. */
  private Map<String, Integer> descriptors() throws IOException {
    Map<String, Integer> kinds = new TreeMap<>();
    try (Stream<Path> files = Files.list(Path.of("/proc/" + pid() + "/fd"))) {
      for (Path file : files.toList()) {
        try {
          kinds.merge(
              Files.readSymbolicLink(file).toString().replaceAll("\\[\\d+]", ""), 1, Integer::sum);
        } catch (NoSuchFileException e) {
          // Closed meanwhile.
        }
      }
    }
    return kinds;
  }

  /** Returns its folder. */
  Path folder() {
    return folder;
  }

  /** Returns the folder of its control sockets and marks. */
  RunDirectory directory() {
    return directory;
  }

  /** Returns the names that it answers to. */
  List<String> listeningNames() {
    return directory.names();
  }

  /** Tells it something and returns its answer. */
  String tell(String command) throws InterruptedException {
    try {
      OutputStream in = process.getOutputStream();
      in.write((command + "\n").getBytes(StandardCharsets.UTF_8));
      in.flush();
    } catch (IOException e) {
      return "no answer to " + command + ": " + e.getMessage();
    }
    return answer(command);
  }

  private String answer(String command) throws InterruptedException {
    String answer = answers.poll(ANSWER_SECONDS, TimeUnit.SECONDS);
    return answer == null ? "no answer to " + command : answer;
  }

  /** Returns the first thing that has happened to it and starts so, or null. */
  @Nullable String event(String start) {
    synchronized (events) {
      return events.stream().filter(event -> event.startsWith(start)).findFirst().orElse(null);
    }
  }

  void forgetEvents() {
    synchronized (events) {
      events.clear();
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  boolean isFrozen() {
    return frozen;
  }

  long pid() {
    return process.pid();
  }

  ControlClient connect(String machine) {
    return ControlClient.connect(directory, machine);
  }

  /** SIGKILL; returns when it is dead. */
  void kill() {
    try {
      process.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** SIGSTOP: it does nothing any more, and its connections stay open. */
  void freeze() {
    frozen = true;
    signal("STOP");
  }

  /** SIGCONT. */
  void thaw() {
    if (frozen) {
      signal("CONT");
      frozen = false;
    }
  }

  private void signal(String name) {
    try {
      new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Returns the names that its control sockets have, whether anybody listens there or not. Marks of
   * machines that were not started stay for those who may still ask for them.
   */
  List<String> names() {
    return list(directory.path())
        .filter(name -> !name.equals(".lock") && !name.endsWith(".mark"))
        .toList();
  }

  /** Returns its temporary files. */
  private List<String> temporaryFiles() {
    return list(temporary).toList();
  }

  /** Returns the temporary files that were not there from the start. */
  List<String> newTemporaryFiles() {
    List<String> files = new ArrayList<>(temporaryFiles());
    files.removeAll(baseline);
    return files;
  }

  private static Stream<String> list(Path folder) {
    if (!Files.isDirectory(folder)) {
      return Stream.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Returns its end of the kernel's table of TCP sockets: the state of each, "0A" for listening.
   */
  List<String> tcpSockets() throws IOException {
    List<String> inodes = new ArrayList<>();
    try (Stream<Path> files = Files.list(Path.of("/proc/" + pid() + "/fd"))) {
      for (Path file : files.toList()) {
        try {
          String target = Files.readSymbolicLink(file).toString();
          if (target.startsWith("socket:[")) {
            inodes.add(target.substring("socket:[".length(), target.length() - 1));
          }
        } catch (IOException e) {
          // It was closed meanwhile.
        }
      }
    }
    List<String> states = new ArrayList<>();
    for (String table : List.of("tcp", "tcp6")) {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid() + "/net/" + table))) {
        String[] fields = line.strip().split("\\s+", -1);
        if (fields.length > 9 && inodes.contains(fields[9])) {
          states.add(fields[3]);
        }
      }
    }
    return states;
  }

  /** Returns a number of proc(5)'s status file: "Threads", or "RssAnon" in kB. */
  long status(String field) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + pid() + "/status"))) {
      if (line.startsWith(field + ":")) {
        return Long.parseLong(line.substring(field.length() + 1).strip().split(" ", -1)[0]);
      }
    }
    throw new IOException("/proc/" + pid() + "/status has no " + field);
  }

  /** Returns what it said on standard error. */
  String errors() {
    try {
      return Files.readString(errors);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Returns what its threads do. */
  String threads() {
    try {
      Process dump =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                  Long.toString(pid()),
                  "Thread.print")
              .redirectErrorStream(true)
              .start();
      return new String(dump.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() {
    thaw();
    kill();
  }
}
