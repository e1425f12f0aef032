package dev.godwit.e2e.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.control.ControlClient;
import dev.godwit.guest.GuestAssets;
import dev.godwit.guest.GuestAssets.Flavour;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What boots besides the kernel for virtual machines; all of it as Debian ships it. */
class OtherKernelsTest {
  private static final String NAME = "other";

  /** The memory tester is migrated in the middle of test 6, which takes longest. */
  private static final String MIDDLE = "#6  \\[";

  /** The last test: it waits, 80 seconds twice, whether memory fades. */
  private static final String FADE = "#10 \\[";

  /** A whole pass takes four minutes, of which the last test waits for most. */
  private static final boolean WHOLE_PASS = "full".equals(System.getProperty("godwit.e2e"));

  private static final Pattern ERRORS = Pattern.compile("Errors: ([0-9]+)");

  @Test
  void theKernelForEveryPcBootsToTheShell() throws Exception {
    GuestAssets assets = GuestAssets.prepare(Flavour.GENERIC, message -> {});
    try (Host host = new Host("generic");
        RunningLinux linux = RunningLinux.boot(host, NAME, Guest.bootArguments(NAME, assets))) {
      linux.ask("echo this is $(uname -r).", "this is " + assets.kernelVersion() + "\\.");
      assertTrue(assets.kernelVersion().matches("[0-9.-]+-amd64"), assets.kernelVersion());
      linux.assertGoesOn();
      assertEquals(0, linux.stop().status());
    }
  }

  @Test
  void theMemoryTesterFindsNoErrorThoughItIsMigrated() throws Exception {
    Path memtest = GuestAssets.prepareMemtest(message -> {});
    GuestTranscript transcript = new GuestTranscript();
    try (Host left = new Host("memtest-left");
        Host right = new Host("memtest-right")) {
      Host.Started process =
          left.start(
              "run",
              NAME,
              "--kernel",
              memtest.toString(),
              "--memory",
              "64M",
              "--cmdline",
              "console=ttyS0,115200 nopause");
      try (ControlClient client = left.connect(NAME)) {
        transcript.follow(client, true);
        transcript.await(MIDDLE, 0);
        Host.Started receiver = right.receive();
        // It rewrites all of its memory all the time: no pre-copy converges.
        Host.Done done =
            left.run(
                "migrate",
                "--max-downtime=20s",
                "--to",
                Host.address(receiver),
                "--verify",
                "--json",
                NAME);
        assertEquals(0, done.status(), done.out() + done.err());
        assertEquals(0, process.awaitEnd().status());
        transcript.awaitClosed();
      }
      int arrival = transcript.position();
      try (ControlClient client = right.connect(NAME)) {
        transcript.follow(client, true);
        transcript.await(FADE, arrival);
        if (WHOLE_PASS) {
          transcript.await("fade over 80 seconds", arrival);
          transcript.await("Pass:  1", arrival);
        } else {
          transcript.await("Errors: ", transcript.position());
        }
      }
      assertEquals(0, right.run("stop", NAME, "--force").status());
      Set<String> errors =
          ERRORS
              .matcher(transcript.text().substring(arrival))
              .results()
              .map((MatchResult result) -> result.group(1))
              .collect(Collectors.toSet());
      assertEquals(Set.of("0"), errors);
      assertEquals(List.of(), left.leftovers());
    }
  }
}
