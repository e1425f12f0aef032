package dev.godwit.e2e.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A stock kernel on several vCPUs, each with a working set of its own that verifies itself, and
 * locks between them, moves between processes; the guest's kernel finds nothing wrong.
 *
 * <p>{@code -Dgodwit.e2e=full} does so with one vCPU, too, ten times there and back, with all vCPUs
 * busy in user and kernel mode for minutes; {@code -Dgodwit.e2e.vcpus=N} with that many only.
 */
class SeveralVcpusTest {
  private static final String NAME = "several";

  /** Generous: what is asserted here is that nothing is lost, on however busy a machine. */
  private static final String PAUSE = "--max-downtime=2s";

  private static final boolean FULL = "full".equals(System.getProperty("godwit.e2e"));

  /** There and back again. */
  private static final int ROUND_TRIPS = FULL ? 10 : 2;

  /** How long the guest is to be under load at least. */
  private static final long LOAD_NANOS = TimeUnit.SECONDS.toNanos(FULL ? 180 : 0);

  /** What a kernel says of a machine that is not right. */
  private static final String COMPLAINTS =
      "oops|bug:|warning:|stall|lockup|hung task|blocked for more|unstable|read-back delay|8254"
          + " timer|mce:|not responding|protection fault|segfaul[t]";

  static IntStream vcpuCounts() {
    Integer only = Integer.getInteger("godwit.e2e.vcpus");
    if (only != null) {
      return IntStream.of(only);
    }
    return FULL ? IntStream.of(1, 2, 4) : IntStream.of(2, 4);
  }

  @ParameterizedTest
  @MethodSource("vcpuCounts")
  @Timeout(value = 30, unit = TimeUnit.MINUTES)
  void stockLinuxMovesBackAndForthWithAWorkingSetOnEachVcpu(int vcpus) throws Exception {
    try (Host left = new Host("several-left-" + vcpus);
        Host right = new Host("several-right-" + vcpus);
        RunningLinux linux = RunningLinux.boot(left, NAME, Guest.bootArguments(NAME, vcpus))) {
      linux.ask(
          "echo there are $(grep -c ^processor /proc/cpuinfo), on line"
              + " $(cat /sys/devices/system/cpu/online).",
          "there are " + vcpus + ", on line 0" + (vcpus == 1 ? "" : "-" + (vcpus - 1)) + "\\.");
      long startNanos = System.nanoTime();
      if (FULL) {
        makeBusy(linux, vcpus);
      }
      for (int hop = 0; hop < 2 * ROUND_TRIPS; hop++) {
        awaitAllVcpus(linux, vcpus);
        Host there = linux.host() == left ? right : left;
        Host.Started receiver = there.receive();
        migrate(linux.host(), Host.address(receiver));
        linux.goesOnIn(there, receiver);
        linux.assertGoesOn();
      }
      do {
        awaitAllVcpus(linux, vcpus);
      } while (System.nanoTime() - startNanos < LOAD_NANOS);
      assertKernelIsContent(linux);
      linux.assertShellAnswers();
      assertEquals(0, linux.stop().status());
      linux.transcript().assertWhole();
      assertEquals(List.of(), left.leftovers());
      assertEquals(List.of(), right.leftovers());
    }
  }

  /** Gives each vCPU more to do than it can, in user mode and in the kernel. */
  private static void makeBusy(RunningLinux linux, int vcpus) throws InterruptedException {
    linux.ask(
        "for i in $(seq "
            + vcpus
            + "); do dd if=/dev/urandom of=/dev/null bs=1M & p=\"$p $!\";"
            + " while :; do :; done & p=\"$p $!\"; done; sleep 1;"
            + " kill -0 $p && echo all $(("
            + vcpus
            + ")) are busy.",
        "all " + vcpus + " are busy\\.");
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
