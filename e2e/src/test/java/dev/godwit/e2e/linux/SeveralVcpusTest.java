package dev.godwit.e2e.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.regex.Matcher;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A stock kernel on several vCPUs, each with a working set of its own that verifies itself, and
 * locks between them, moves between processes; the guest's kernel finds nothing wrong.
 */
class SeveralVcpusTest {
  private static final String NAME = "several";

  /** Generous: what is asserted here is that nothing is lost, on however busy a machine. */
  private static final String PAUSE = "--max-downtime=2s";

  /** There and back again; {@code -Dgodwit.e2e=full} does ten of each. */
  private static final int ROUND_TRIPS = "full".equals(System.getProperty("godwit.e2e")) ? 10 : 2;

  /** What a kernel says of a machine that is not right. */
  private static final String COMPLAINTS =
      "oops|bug:|warning:|stall|lockup|hung task|blocked for more|unstable|read-back delay|8254"
          + " timer|mce:|not responding|protection fault|segfaul[t]";

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void stockLinuxMovesBackAndForthWithAWorkingSetOnEachVcpu(int vcpus) throws Exception {
    try (Host left = new Host("several-left-" + vcpus);
        Host right = new Host("several-right-" + vcpus);
        RunningLinux linux = RunningLinux.boot(left, NAME, Guest.bootArguments(NAME, vcpus))) {
      linux.ask(
          "echo there are $(grep -c ^processor /proc/cpuinfo), on line"
              + " $(cat /sys/devices/system/cpu/online).",
          "there are " + vcpus + ", on line 0-" + (vcpus - 1) + "\\.");
      for (int hop = 0; hop < 2 * ROUND_TRIPS; hop++) {
        awaitAllVcpus(linux, vcpus);
        Host there = linux.host() == left ? right : left;
        Host.Started receiver = there.receive();
        migrate(linux.host(), Host.address(receiver));
        linux.goesOnIn(there, receiver);
        linux.assertGoesOn();
      }
      awaitAllVcpus(linux, vcpus);
      assertKernelIsContent(linux);
      linux.assertShellAnswers();
      assertEquals(0, linux.stop().status());
      linux.transcript().assertWhole();
      assertEquals(List.of(), left.leftovers());
      assertEquals(List.of(), right.leftovers());
    }
  }

  /** Waits until each vCPU has verified its working set once more, and the locks were counted. */
  private static void awaitAllVcpus(RunningLinux linux, int vcpus) throws InterruptedException {
    int now = linux.transcript().position();
    for (int vcpu = 0; vcpu < vcpus; vcpu++) {
      linux.transcript().await("WS pass=\\d+ pages=\\d+ mismatches=0 cpu=" + vcpu + "\\D", now);
    }
    linux.transcript().await("LK pass=\\d+ cpus=" + vcpus + " .* mismatches=0\\D", now);
  }

  /** Migrates with digests compared. */
  private static void migrate(Host here, String to) throws Exception {
    Host.Done done = here.run("migrate", PAUSE, "--to", to, "--verify", "--json", NAME);
    assertEquals(0, done.status(), done.out() + done.err());
    JsonObject result = Host.jsonLines(done.out()).toList().getLast();
    assertEquals("done", result.get("phase").getAsString(), result.toString());
    assertTrue(result.has("ramDigest"), result.toString());
  }

  private static void assertKernelIsContent(RunningLinux linux) throws InterruptedException {
    int now = linux.transcript().position();
    Matcher counted =
        linux.ask(
            "dmesg | grep -iE '"
                + COMPLAINTS
                + "' > /tmp/bad; cat /tmp/bad;"
                + " echo $(grep -c . /tmp/bad) of $(dmesg | grep -c .) lines complain.",
            "(\\d+) of (\\d+) lines complain");
    assertEquals("0", counted.group(1), linux.transcript().text().substring(now));
    assertTrue(Integer.parseInt(counted.group(2)) > 100, "that is no kernel's log");
  }
}
