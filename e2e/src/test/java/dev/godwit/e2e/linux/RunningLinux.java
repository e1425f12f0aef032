package dev.godwit.e2e.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.control.ControlClient;
import dev.godwit.control.MachineStatus;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;

/** A machine with the stock guest, on whichever host it is, and everything that it says. */
final class RunningLinux implements AutoCloseable {
  private final String name;
  private final GuestTranscript transcript;
  private Host host;
  private Host.Started process;
  private ControlClient client;
  private ControlClient.ConsoleSession console;
  private int questions;

  private RunningLinux(String name, Host host, Host.Started process, GuestTranscript transcript)
      throws InterruptedException {
    this.name = name;
    this.transcript = transcript;
    this.host = host;
    this.process = process;
    this.client = host.connect(name);
    this.console = transcript.follow(client, true);
  }

  /** Boots it; returns when its shell has its terminal and its working set is there. */
  static RunningLinux boot(Host host, String name) throws Exception {
    return boot(host, name, Guest.bootArguments(name));
  }

  /** As above, by other arguments. */
  static RunningLinux boot(Host host, String name, List<String> arguments) throws Exception {
    RunningLinux linux =
        new RunningLinux(
            name, host, host.start(arguments.toArray(String[]::new)), new GuestTranscript());
    linux.transcript.await("GODWIT-GUEST READY", 0);
    linux.transcript.await("godwit# ", 0);
    linux.transcript.awaitPasses(1, 0);
    return linux;
  }

  /** Restores another one from a snapshot, which may know it by another name. */
  static RunningLinux restored(Host host, String name, String file, String... options)
      throws Exception {
    RunningLinux linux =
        new RunningLinux(
            name, host, restoring(host, name, file, options), new GuestTranscript(false));
    linux.transcript.awaitBeats(1, 0);
    return linux;
  }

  private static Host.Started restoring(Host host, String name, String file, String... options)
      throws Exception {
    List<String> arguments = new ArrayList<>(List.of("restore", file, "--name", name));
    arguments.addAll(Arrays.asList(options));
    return host.start(arguments.toArray(String[]::new));
  }

  /** Follows it: its process here has ended, and it goes on in another, from a snapshot. */
  void restoreHere(String file, String... options) throws Exception {
    process.awaitEnd(); // until then the name is not free
    goesOnIn(host, restoring(host, name, file, options));
  }

  /** Follows it: its process has ended, and another one, here or there, runs it now. */
  void goesOnIn(Host next, Host.Started running) throws Exception {
    assertEquals(0, process.awaitEnd().status(), process.err());
    transcript.awaitClosed();
    client.close();
    host = next;
    process = running;
    client = next.connect(name);
    console = transcript.follow(client, true);
  }

  Host host() {
    return host;
  }

  Host.Started process() {
    return process;
  }

  MachineStatus status() {
    return client.status();
  }

  GuestTranscript transcript() {
    return transcript;
  }

  /**
   * Fails unless it runs here, its heartbeats go on without a gap, and its working set has been
   * found intact once more.
   */
  void assertGoesOn() throws InterruptedException {
    int now = transcript.position();
    assertEquals(MachineStatus.State.RUNNING, client.status().state());
    transcript.awaitBeats(5, now);
    transcript.awaitPasses(1, now);
    transcript.assertWhole();
  }

  /** Fails unless the guest's shell answers. */
  void assertShellAnswers() throws InterruptedException {
    int now = transcript.position();
    questions++;
    console.write(
        ("echo answer " + questions + " is $((6*7))\n").getBytes(StandardCharsets.US_ASCII));
    transcript.await("answer " + questions + " is 42", now);
  }

  /** Has the guest's shell do something and returns the match of what it is to say then. */
  Matcher ask(String command, String answer) throws InterruptedException {
    int now = transcript.position();
    console.write((command + "\n").getBytes(StandardCharsets.US_ASCII));
    return transcript.await(answer, now);
  }

  /** Ends it by force and returns how its process ended. */
  Host.Done stop() throws Exception {
    assertEquals(0, host.run("stop", name, "--force").status());
    return process.awaitEnd();
  }

  @Override
  public void close() {
    client.close();
  }
}
