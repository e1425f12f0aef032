package dev.godwit.backend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.Test;

class ConsoleTest {
  /** A client that keeps what it gets, and reads only while its gate is open. */
  private static final class Reader implements Console.Listener {
    private volatile String got = "";
    private final CountDownLatch gate;
    private final AtomicLong dropped = new AtomicLong();
    private volatile boolean ended;

    Reader(CountDownLatch gate) {
      this.gate = gate;
    }

    Reader() {
      this(new CountDownLatch(0));
    }

    @Override
    public void output(byte[] bytes, long droppedBytes) {
      try {
        gate.await();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      got = got.concat(new String(bytes, ISO_8859_1));
      dropped.addAndGet(droppedBytes);
    }

    @Override
    public void closed() {
      ended = true;
    }
  }

  private static ConditionFactory soon() {
    return await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(1));
  }

  private static void send(Console console, String text) {
    text.chars().forEach(console::transmit);
  }

  @Test
  void newClientGetsScrollBackThenLiveOutput() {
    try (Console console = new Console()) {
      send(console, "before ");
      Reader reader = new Reader();
      console.attach(reader);
      soon().until(() -> reader.got.equals("before "));
      send(console, "after");
      soon().until(() -> reader.got.equals("before after"));
    }
  }

  @Test
  void scrollBackKeepsTheLastBytes() {
    try (Console console = new Console(10)) {
      send(console, "0123456789abcdef");
      assertEquals("6789abcdef", new String(console.scrollBack(), ISO_8859_1));
      Reader reader = new Reader();
      console.attach(reader);
      soon().until(() -> reader.got.equals("6789abcdef"));
      assertEquals(0, reader.dropped.get(), "what came before the client is not a loss of its own");
    }
  }

  @Test
  void slowClientIsToldItsLossAndHoldsUpNobody() {
    try (Console console = new Console(1000)) {
      CountDownLatch gate = new CountDownLatch(1);
      Reader slow = new Reader(gate);
      Reader quick = new Reader();
      console.attach(slow);
      console.attach(quick);
      for (int i = 0; i < 100; i++) {
        int sent = (i + 1) * 100;
        send(console, "x".repeat(100));
        soon().until(() -> quick.got.length() == sent);
      }
      gate.countDown();
      soon().until(() -> slow.got.length() + slow.dropped.get() == 10_000);
      assertTrue(slow.dropped.get() >= 8_000, "lost " + slow.dropped.get());
      assertEquals(0, quick.dropped.get());
    }
  }

  @Test
  void inputOfSeveralClientsIsMergedInOrderOfArrival() {
    try (Console console = new Console()) {
      AtomicInteger wakes = new AtomicInteger();
      console.onInput(wakes::incrementAndGet);
      int before = wakes.get();
      Console.Attachment one = console.attach(new Reader());
      Console.Attachment two = console.attach(new Reader());
      assertEquals(2, one.write("ab".getBytes(ISO_8859_1)));
      assertEquals(1, two.write("c".getBytes(ISO_8859_1)));
      assertEquals(2, wakes.get() - before);
      assertArrayEquals(
          new int[] {'a', 'b', 'c', -1},
          new int[] {console.receive(), console.receive(), console.receive(), console.receive()});
    }
  }

  @Test
  void fullInputIsRefusedUntilTheGuestReads() throws InterruptedException {
    try (Console console = new Console()) {
      Console.Attachment client = console.attach(new Reader());
      assertEquals(Console.INPUT_BYTES, client.write(new byte[Console.INPUT_BYTES + 5]));
      assertEquals(0, client.write(new byte[1]));
      Thread guest = Thread.ofVirtual().start(console::receive);
      assertTrue(client.awaitRoom());
      guest.join();
      assertEquals(1, client.write(new byte[2]));
    }
  }

  @Test
  void detachedClientGetsAndGivesNothingMore() {
    try (Console console = new Console()) {
      Reader reader = new Reader();
      Console.Attachment client = console.attach(reader);
      client.close();
      soon().until(() -> reader.ended);
      send(console, "unheard");
      assertEquals(0, client.write(new byte[] {1}));
      assertEquals(-1, console.receive());
      assertEquals("", reader.got);
    }
  }

  @Test
  void closingGivesEachClientTheRestAndAnEnd() {
    Console console = new Console();
    Reader reader = new Reader();
    console.attach(reader);
    send(console, "last words");
    console.close();
    soon().until(() -> reader.ended);
    assertEquals("last words", reader.got);
  }

  @Test
  void failingClientIsDroppedAlone() {
    try (Console console = new Console()) {
      Reader well = new Reader();
      AtomicInteger calls = new AtomicInteger();
      console.attach(
          new Console.Listener() {
            @Override
            public void output(byte[] bytes, long droppedBytes) {
              calls.incrementAndGet();
              throw new IllegalStateException("connection lost");
            }

            @Override
            public void closed() {}
          });
      console.attach(well);
      send(console, "one");
      soon().until(() -> well.got.equals("one"));
      send(console, "two");
      soon().until(() -> well.got.equals("onetwo"));
      assertFalse(calls.get() > 1, "called again after it failed");
    }
  }
}
