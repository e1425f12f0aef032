package dev.godwit.e2e.linux;

import dev.godwit.cli.demo.Heartbeats;
import dev.godwit.cli.demo.Heartbeats.Beat;
import dev.godwit.cli.demo.Transcript;
import dev.godwit.control.ControlClient;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a guest's witnesses say on its console, on whichever host it is; waiting in vain is a test's
 * failure. Thread-safe.
 */
final class GuestTranscript {
  private static final Duration PATIENCE = Duration.ofMinutes(4);

  /** A guest that beats ten times a second and says nothing for so long has died. */
  private static final Duration DEAD_SILENCE = Duration.ofSeconds(30);

  private static final int EXCERPT_CHARS = 2000;
  private static final Pattern DAMAGE =
      Pattern.compile("MISMATCH|mismatches=[1-9]|Kernel panic|segfault|Oops|BUG:");

  private final Transcript transcript = new Transcript();
  private final boolean fromBoot;

  /** Of a guest from its boot on: its heartbeats are counted from 0. */
  GuestTranscript() {
    this(true);
  }

  /**
   * @param fromBoot whether the first heartbeat must be number 0, or may be any
   */
  GuestTranscript(boolean fromBoot) {
    this.fromBoot = fromBoot;
  }

  /** Follows the console of a machine; the scroll-back comes first if asked for. */
  ControlClient.ConsoleSession follow(ControlClient client, boolean scrollBack) {
    return client.console(scrollBack, transcript.listener());
  }

  String text() {
    return transcript.text();
  }

  /** Returns how much there is by now: a place from which {@link #await} can look. */
  int position() {
    return transcript.text().length();
  }

  /** Waits until every console that is followed has said its last. */
  void awaitClosed() throws InterruptedException {
    if (!transcript.awaitClosed(PATIENCE)) {
      throw new AssertionError("the console stays open");
    }
  }

  /** Waits for a match of a regular expression after a position. */
  Matcher await(String regex, int from) throws InterruptedException {
    Pattern pattern = Pattern.compile(regex);
    if (!transcript.await(text -> find(pattern, text, from).hasMatch(), PATIENCE)) {
      String text = transcript.text();
      int tail = Math.max(0, text.length() - EXCERPT_CHARS);
      throw new AssertionError("no match of " + regex + " in: …" + text.substring(tail));
    }
    return find(pattern, transcript.text(), from);
  }

  private static Matcher find(Pattern pattern, String text, int from) {
    Matcher matcher = pattern.matcher(text);
    boolean found = matcher.find(Math.min(from, text.length()));
    return found ? matcher : pattern.matcher("");
  }

  /** Waits for a number of heartbeats after a position. */
  void awaitBeats(int count, int from) throws InterruptedException {
    await("(?s)(HB \\d+ boot=.*?){" + count + "}\\n", from);
  }

  /** Waits for a number of whole passes of the working set after a position. */
  void awaitPasses(int count, int from) throws InterruptedException {
    await("(?s)(WS pass=\\d+.*?){" + count + "}\\n", from);
  }

  /** Returns all heartbeats so far. */
  List<Beat> beats() {
    return Heartbeats.parse(text());
  }

  /**
   * Waits until the guest is seen to be ruined: it says so, or it has died of it. Which of them is
   * chance: what a kernel does whose own pages are of different times cannot be known.
   */
  void awaitRuin() throws InterruptedException {
    long start = System.nanoTime();
    while (System.nanoTime() - start < PATIENCE.toNanos()) {
      int before = beats().size();
      if (transcript.await(text -> DAMAGE.matcher(text).find(), DEAD_SILENCE)
          || beats().size() == before) {
        return;
      }
    }
    throw new AssertionError("the guest goes on as if nothing had happened to it");
  }

  /** Fails if the guest was damaged, or a heartbeat is missing or came twice. */
  void assertWhole() {
    String text = text();
    Matcher damage = DAMAGE.matcher(text);
    if (damage.find()) {
      int start = Math.max(0, damage.start() - EXCERPT_CHARS / 2);
      throw new AssertionError(
          "the guest is damaged: …"
              + text.substring(start, Math.min(text.length(), start + EXCERPT_CHARS)));
    }
    List<Beat> beats = beats();
    Heartbeats.Verdict verdict = Heartbeats.judge(beats);
    long before = fromBoot ? 0 : beats.getFirst().number();
    if (verdict.missing() != before || verdict.repeated() > 0 || verdict.bootIds() != 1) {
      throw new AssertionError("heartbeats: " + verdict);
    }
    if (transcript.droppedBytes() > 0) {
      throw new AssertionError("the test was too slow for the console: it proves nothing");
    }
  }
}
