package dev.godwit.control;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.backend.Console;
import dev.godwit.control.TransferEvent.Phase;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlApiTest {
  private static final int RING_BYTES = 4096;

  @TempDir Path folder;
  private final FakeActions actions = new FakeActions(new Console(RING_BYTES));
  private ControlServer server;
  private ControlClient client;

  @BeforeEach
  void connect() {
    RunDirectory directory = RunDirectory.at(folder.resolve("run"));
    server = ControlServer.start(directory, "alpha", actions);
    client = ControlClient.connect(directory, "alpha");
  }

  @AfterEach
  void disconnect() {
    client.close();
    server.close();
  }

  private static MigrateOrder to(String target) {
    return new MigrateOrder(
        target, Duration.ofMillis(50), Duration.ZERO, 1000, "auto", true, "stop", 70, 0, 4096);
  }

  private static ControlException.Code codeOf(Runnable call) {
    return assertThrows(ControlException.class, call::run).code();
  }

  @Test
  void everythingAboutAMachineArrives() {
    actions.status =
        new MachineStatus(
            "alpha",
            MachineStatus.State.WAITING,
            "why",
            77,
            "soft",
            1L << 40,
            64,
            "x86-64-v1",
            Long.MAX_VALUE,
            123,
            TransferEvent.beginning(TransferEvent.Kind.SNAPSHOT, "/file"),
            "h:1",
            "v2");
    assertEquals(actions.status, client.status());
  }

  @Test
  void refusalsKeepTheirCodeAndTheirSentence() {
    ControlException e = assertThrows(ControlException.class, client::pause);
    assertEquals(ControlException.Code.WRONG_STATE, e.code());
    assertEquals("cannot pause: it has ended", String.valueOf(e.getMessage()));
    assertEquals(ControlException.Code.INTERNAL, codeOf(() -> client.resume(false)));
    assertEquals(
        ControlException.Code.WRONG_STATE,
        codeOf(
            () ->
                client.snapshot(
                    new SnapshotOrder(Path.of("/a/b"), true, Duration.ZERO, Optional.empty()),
                    event -> {})));
    assertEquals(
        ControlException.Code.BAD_REQUEST,
        codeOf(
            () ->
                client.snapshot(
                    new SnapshotOrder(Path.of("relative"), true, Duration.ZERO, Optional.empty()),
                    event -> {})));
  }

  @Test
  void stopCarriesItsOptions() {
    assertEquals("asked 1500", client.stop(false, Duration.ofMillis(1500)));
    assertEquals("forced 0", client.stop(true, Duration.ZERO));
  }

  @Test
  void aMigrationsProgressAndResultArrive() {
    List<TransferEvent> events = new ArrayList<>();
    TransferEvent last = client.migrate(to("good:1"), events::add);
    assertEquals(to("good:1").toString(), actions.lastOrder);
    assertEquals(Phase.CONNECTING, events.getFirst().phase());
    assertEquals(last, events.getLast());
    assertEquals(Phase.DONE, last.phase());
    assertTrue(new TransferEvent.Downtime(10, 1, 2, 3, 4).equals(last.downtime()));
    assertEquals(-2, last.ramDigest());
    assertEquals(12.5, last.dirtyPagesPerSecond());
  }

  @Test
  void aFailedMigrationSaysWhy() {
    TransferEvent last = client.migrate(to("bad:1"), event -> {});
    assertEquals(Phase.FAILED, last.phase());
    assertEquals("UNREACHABLE", last.errorCode());
    assertEquals("nobody listens there", last.error());
  }

  @Test
  void cancellingEndsTheMigrationAsCancelled() {
    CompletableFuture<TransferEvent> end =
        CompletableFuture.supplyAsync(
            () -> client.migrate(to("slow:1"), event -> {}), Thread::startVirtualThread);
    await().until(() -> !actions.lastOrder.isEmpty());
    assertTrue(client.cancelTransfer());
    assertEquals(Phase.CANCELLED, end.join().phase());
  }

  @Test
  void aClientThatGoesAwayCancelsItsMigration() {
    CompletableFuture<TransferEvent> end =
        CompletableFuture.supplyAsync(
            () -> client.migrate(to("slow:1"), event -> {}), Thread::startVirtualThread);
    await().until(() -> !actions.lastOrder.isEmpty());
    assertEquals(0, actions.cancels.get());
    client.close();
    await().until(() -> actions.cancels.get() == 1);
    assertThrows(RuntimeException.class, end::join);
  }

  @Test
  void aServerThatEndsLeavesNoAnswer() {
    CompletableFuture<TransferEvent> end =
        CompletableFuture.supplyAsync(
            () -> client.migrate(to("slow:1"), event -> {}), Thread::startVirtualThread);
    await().until(() -> !actions.lastOrder.isEmpty());
    CompletableFuture<Void> closing =
        CompletableFuture.runAsync(server::close, Thread::startVirtualThread);
    ControlException e =
        assertThrows(
            ControlException.class,
            () -> {
              try {
                end.join();
              } catch (java.util.concurrent.CompletionException c) {
                throw c.getCause();
              }
            });
    assertEquals(ControlException.Code.NO_ANSWER, e.code());
    closing.join();
  }

  /** A client's screen. */
  private static final class Screen implements ControlClient.ConsoleListener {
    private final StringBuilder text = new StringBuilder();
    private long dropped;
    private boolean closed;
    private final CountDownLatch readable;

    Screen(CountDownLatch readable) {
      this.readable = readable;
    }

    Screen() {
      this(new CountDownLatch(0));
    }

    @Override
    public void output(byte[] bytes, long droppedBytes) {
      try {
        readable.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      synchronized (this) {
        text.append(new String(bytes, StandardCharsets.ISO_8859_1));
        dropped += droppedBytes;
      }
    }

    @Override
    public synchronized void closed(@Nullable ControlException error) {
      closed = true;
    }

    synchronized String text() {
      return text.toString();
    }

    synchronized int received() {
      return text.length();
    }

    synchronized long dropped() {
      return dropped;
    }

    synchronized boolean isClosed() {
      return closed;
    }
  }

  @Test
  void everyClientGetsTheScrollBackAndThenWhatFollows() {
    actions.guestWrites("before ");
    Screen first = new Screen();
    Screen second = new Screen();
    Screen third = new Screen();
    try (var a = client.console(true, first);
        var b = client.console(true, second);
        var c = client.console(false, third)) {
      await().until(() -> first.text().equals("before ") && second.text().equals("before "));
      a.write("a".getBytes(StandardCharsets.US_ASCII));
      b.write("b".getBytes(StandardCharsets.US_ASCII));
      StringBuilder read = new StringBuilder();
      await().until(() -> read.append(actions.guestReads()).length() == 2);
      c.write("c".getBytes(StandardCharsets.US_ASCII));
      await().until(() -> read.append(actions.guestReads()).length() == 3);
      actions.guestWrites("after");
      await().until(() -> first.text().equals("before after"));
      await().until(() -> second.text().equals("before after"));
      await().until(() -> third.text().equals("after"));
      a.close();
      await().until(first::isClosed);
      actions.guestWrites("!");
      await().until(() -> second.text().equals("before after!"));
      assertEquals("before after", first.text());
    }
  }

  @Test
  void aSlowClientIsToldHowMuchItMissedAndHoldsNobodyUp() {
    CountDownLatch readable = new CountDownLatch(1);
    Screen slow = new Screen(readable);
    Screen quick = new Screen();
    String line = "0123456789abcdef".repeat(64);
    int lines = 2048;
    try (var a = client.console(true, slow);
        var b = client.console(true, quick)) {
      a.write(new byte[] {1});
      b.write(new byte[] {1});
      await().until(() -> actions.guestReads().length() > 0);
      for (int i = 0; i < lines; i++) {
        actions.guestWrites(line);
        long sent = (i + 1L) * line.length();
        while (quick.received() + quick.dropped() < sent) {
          Thread.onSpinWait();
        }
      }
      readable.countDown();
      await().until(() -> slow.received() + slow.dropped() == (long) lines * line.length());
      assertTrue(slow.dropped() > 0);
      assertTrue(slow.text().length() > 0);
    }
  }

  @Test
  void aConsoleThatClosesEndsItsClients() {
    Screen screen = new Screen();
    try (var session = client.console(true, screen)) {
      session.write(new byte[] {1});
      await().until(() -> actions.guestReads().length() == 1);
      actions.guestWrites("last words");
      actions.console.close();
      await().until(screen::isClosed);
      assertEquals("last words", screen.text());
    }
  }
}
