package dev.godwit.guest;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The guest program, run on the host: it is a static Linux program like any other. Its memory is
 * damaged from outside, as a wrong migration would.
 */
final class GuestProgramTest {
  private static final int PAGE_BYTES = 4096;
  private static final long MAGIC = 0x60d7170000000000L;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir private static Path build;
  private static Path program;

  @TempDir private Path folder;
  private final List<Process> started = new ArrayList<>();

  @BeforeAll
  static void compile() {
    program = GuestProgram.compile(build);
  }

  @AfterEach
  void stopWhatWasStarted() throws InterruptedException {
    for (Process process : started) {
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void heartbeatCountsFromZeroWithoutAGap() {
    long startNanos = System.nanoTime(); // CLOCK_MONOTONIC, as the program's `up`
    List<String> lines = run(0, "heartbeat", "--interval-ms", "10", "--count", "5");

    Pattern beat = Pattern.compile("HB (\\d+) boot=([0-9a-f-]{36}) up=(\\d+) rt=(\\d+)");
    long previous = 0;
    assertEquals(5, lines.size());
    for (int n = 0; n < lines.size(); n++) {
      Matcher m = beat.matcher(lines.get(n));
      assertTrue(m.matches(), lines.get(n));
      assertEquals(n, Integer.parseInt(m.group(1)));
      long up = Long.parseLong(m.group(3));
      // A beat may be late, and then the next is closer; none is early.
      assertTrue(up > previous, "time goes on");
      assertTrue(up - startNanos >= n * 10_000_000L, "beats are an interval apart");
      previous = up;
    }
  }

  @Test
  void worksetIsIntactWhenNothingTouchesIt() {
    for (String[] options : new String[][] {{}, {"--touch", "64"}, {"--verify-once"}}) {
      List<String> command = new ArrayList<>(List.of("workset", "--mib", "4", "--passes", "3"));
      command.addAll(List.of(options));
      List<String> lines = run(0, command.toArray(String[]::new));

      assertTrue(lines.getLast().startsWith("WS VERDICT "), lines.toString());
      assertTrue(
          lines.getLast().endsWith(" pages=1024 mismatches=0 result=intact"), lines.toString());
    }
  }

  @Test
  void worksetFindsATornPage() throws IOException {
    Workset workset = new Workset();
    long page = workset.pageAt(100);
    workset.write(page + 2048, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});

    workset.awaitMismatch(100, "torn");
  }

  @Test
  void worksetFindsALostPage() throws IOException {
    Workset workset = new Workset();
    workset.write(workset.pageAt(101), new byte[PAGE_BYTES]);

    workset.awaitMismatch(101, "lost");
  }

  @Test
  void worksetFindsAPageOfAnEarlierTime() throws IOException {
    Workset workset = new Workset();
    long page = workset.pageAt(102);
    byte[] earlier = workset.read(page);
    await().atMost(PATIENCE).until(() -> generation(workset.read(page)) > generation(earlier));
    workset.write(page, earlier);

    workset.awaitMismatch(102, "stale");
  }

  @Test
  void worksetFindsAPageThatStandsInAnothersPlace() throws IOException {
    Workset workset = new Workset();
    workset.write(workset.pageAt(103), workset.read(workset.pageAt(10)));

    workset.awaitMismatch(103, "lost");
  }

  @Test
  void worksetFindsATableOfAnEarlierTime() throws IOException {
    Workset workset = new Workset();
    long page = workset.pageAt(0);
    long table = workset.tableAt();
    byte[] earlier = workset.read(table);
    await().atMost(PATIENCE).until(() -> generation(workset.read(page)) > 2);
    workset.write(table, earlier);

    workset.awaitMismatch(0, "stale"); // the page is newer than the table says
    workset.awaitLine("WS MISMATCH page=256 expected=\\d+ found=\\d+ kind=table");
  }

  @Test
  void worksetSaysCorruptAndFailsWhenItIsToldToStop() throws Exception {
    Workset workset = new Workset();
    workset.write(workset.pageAt(104), new byte[PAGE_BYTES]);
    workset.awaitMismatch(104, "lost");
    workset.process.destroy(); // SIGTERM

    workset.awaitLine("WS VERDICT pass=\\d+ pages=256 mismatches=[1-9]\\d* result=corrupt");
    assertEquals(1, workset.process.waitFor());
  }

  @Test
  void registersKeepTheirValues() {
    List<String> lines = run(0, "registers", "--turns", "1000000", "--passes", "50");

    assertEquals("RG pass=50 mismatches=0", lines.getLast());
  }

  @Test
  void refusesOptionsItDoesNotKnow() {
    assertTrue(run(2, "workset", "--mibs", "4").getFirst().contains("an option is unknown"));
    assertTrue(run(2, "workset", "--mib", "four").getFirst().contains("not a number: four"));
    assertTrue(run(2, "bogus").getFirst().contains("not: bogus"));
  }

  @Test
  void fillsWithTheSameBytesForTheSameSeed() throws IOException {
    String first = firstLine("fill", "--mib", "2", "--seed", "7");

    assertTrue(first.matches("FILL DONE mib=2 sum=[0-9a-f]{16}"), first);
    assertEquals(first, firstLine("fill", "--mib", "2", "--seed", "7"));
  }

  private static long generation(byte[] page) {
    return ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN).getLong(8);
  }

  private String firstLine(String... arguments) throws IOException {
    Path output = start(arguments);
    await().atMost(PATIENCE).until(() -> Files.readString(output).contains("\n"));
    return Files.readString(output).lines().findFirst().orElseThrow();
  }

  /** Runs the program to its end. */
  private List<String> run(int expectedStatus, String... arguments) {
    try {
      Path output = start(arguments);
      Process process = started.getLast();
      assertTrue(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS), "did not end");
      List<String> lines = Files.readAllLines(output);
      assertEquals(expectedStatus, process.exitValue(), lines.toString());
      return lines;
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private Path start(String... arguments) throws IOException {
    Path output = Files.createTempFile(folder, "output", ".txt");
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(List.of(arguments));
    started.add(
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start());
    return output;
  }

  /** A running work set of 256 pages, rewritten about twice a second, and its memory. */
  private final class Workset {
    private final Path output;
    private final Process process;

    Workset() throws IOException {
      output = start("workset", "--mib", "1", "--pages-per-sec", "500");
      process = started.getLast();
      awaitLine("WS pass=1 pages=256 mismatches=0");
    }

    void awaitMismatch(int page, String kind) {
      awaitLine("WS MISMATCH page=%d expected=\\d+ found=\\d+ kind=%s".formatted(page, kind));
    }

    void awaitLine(String pattern) {
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertTrue(
                      Files.readAllLines(output).stream().anyMatch(line -> line.matches(pattern)),
                      () -> "no line " + pattern));
    }

    /** Returns where a page of the work set is: pages begin with a magic and their number. */
    long pageAt(int page) throws IOException {
      for (long[] range : anonymousRanges()) {
        for (long at = range[0]; at < range[1]; at += PAGE_BYTES) {
          if (ByteBuffer.wrap(read(at)).order(ByteOrder.LITTLE_ENDIAN).getLong(0)
              == (MAGIC | page)) {
            return at;
          }
        }
      }
      throw new AssertionError("page " + page + " is not in the process's memory");
    }

    /**
     * Returns where the table is: mapped after the pages, so just below them, and one MiB as they
     * are.
     */
    long tableAt() throws IOException {
      return pageAt(0) - (1 << 20);
    }

    private List<long[]> anonymousRanges() throws IOException {
      List<long[]> ranges = new ArrayList<>();
      for (String line :
          Files.readAllLines(Path.of("/proc/" + process.pid() + "/maps"), US_ASCII)) {
        String[] fields = line.split(" +", -1);
        if (fields[1].startsWith("rw") && fields[4].equals("0")) {
          String[] ends = fields[0].split("-", -1);
          ranges.add(
              new long[] {
                Long.parseUnsignedLong(ends[0], 16), Long.parseUnsignedLong(ends[1], 16)
              });
        }
      }
      return ranges;
    }

    byte[] read(long at) throws IOException {
      try (RandomAccessFile memory = new RandomAccessFile("/proc/" + process.pid() + "/mem", "r")) {
        memory.seek(at);
        byte[] page = new byte[PAGE_BYTES];
        memory.readFully(page);
        return page;
      }
    }

    void write(long at, byte[] bytes) throws IOException {
      try (RandomAccessFile memory =
          new RandomAccessFile("/proc/" + process.pid() + "/mem", "rw")) {
        memory.seek(at);
        memory.write(bytes);
      }
    }
  }
}
