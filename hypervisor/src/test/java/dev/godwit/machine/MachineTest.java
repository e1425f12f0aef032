package dev.godwit.machine;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.clock.GuestClock;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.memory.GuestMemory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MachineTest {
  private final GuestMemory memory = GuestMemory.allocate(1 << 20);
  private final CountingVcpu first = new CountingVcpu(0, memory);
  private final CountingVcpu second = new CountingVcpu(1, memory);
  private final AtomicInteger quiesced = new AtomicInteger();
  private final AtomicInteger closed = new AtomicInteger();
  private final Machine machine =
      new Machine(
          new MachineConfig("m", 1 << 20, 2, "x86-64-v1", List.of(), MachineConfig.DEFAULT_TSC_HZ),
          new MachineParts(
              memory,
              new GuestClock(System::nanoTime, MachineConfig.DEFAULT_TSC_HZ),
              List.of(first, second),
              List.of(),
              List.of(
                  new Quiescable() {
                    @Override
                    public void quiesce() {
                      quiesced.incrementAndGet();
                    }

                    @Override
                    public void unquiesce() {
                      quiesced.decrementAndGet();
                    }
                  }),
              List.of(closed::incrementAndGet)));

  @AfterEach
  void end() {
    first.deaf = false;
    machine.close();
  }

  private void awaitProgress() {
    long before0 = first.count();
    long before1 = second.count();
    await().until(() -> first.count() > before0 && second.count() > before1);
  }

  @Test
  void nothingMovesWhileTheVcpusAreLocked() throws Exception {
    machine.start();
    awaitProgress();
    for (int i = 0; i < 200; i++) {
      try (Machine.VcpuLock lock = machine.lockAllVcpus()) {
        long count = first.count() + second.count();
        long nanos = machine.clock().nowNanos();
        assertEquals(1, quiesced.get());
        Thread.sleep(0, 200_000);
        assertEquals(count, first.count() + second.count());
        assertEquals(nanos, machine.clock().nowNanos());
      }
      assertEquals(0, quiesced.get());
    }
    awaitProgress();
  }

  @Test
  void aPausedMachineStaysPausedThroughALock() {
    machine.start();
    machine.pause();
    long count = first.count();
    long nanos = machine.clock().nowNanos();
    machine.lockAllVcpus().close();
    assertInstanceOf(MachineState.Paused.class, machine.state());
    assertEquals(count, first.count());
    assertEquals(nanos, machine.clock().nowNanos());
    machine.resume();
    awaitProgress();
  }

  private long waitedMillis(long wantedMillis, long patienceMillis) {
    long start = System.nanoTime();
    machine.awaitQuiet(wantedMillis * 1_000_000, patienceMillis * 1_000_000);
    return (System.nanoTime() - start) / 1_000_000;
  }

  private static final long MINUTE_MILLIS = 60_000;

  @Test
  void itIsQuietWhenAllVcpusAreIdle() {
    machine.start();
    first.idle = true;
    assertTrue(waitedMillis(5, 40) >= 40, "one of them is not");
    second.idle = true;
    assertTrue(waitedMillis(5, MINUTE_MILLIS) < MINUTE_MILLIS);
  }

  @Test
  void itIsQuietWhenNoTimerIsDueOrAfterAWhileIfOneIsDueNotTooSoon() {
    machine.start();
    first.idle = true;
    second.idle = true;
    GuestClock.Timer timer = machine.clock().timer("due", () -> {});
    timer.arm(machine.clock().nowNanos() + 2 * MINUTE_MILLIS * 1_000_000);
    assertTrue(waitedMillis(MINUTE_MILLIS, MINUTE_MILLIS) < MINUTE_MILLIS);
    // In 120 s it is due, 240 are wanted: that will do when half of the patience is over.
    long waited = waitedMillis(4 * MINUTE_MILLIS, 2000);
    assertTrue(waited >= 900 && waited < 2000, () -> "waited for " + waited + " ms");
  }

  @Test
  void nobodyWaitsForAMachineThatDoesNotRunToBeQuiet() {
    assertTrue(waitedMillis(5, MINUTE_MILLIS) < MINUTE_MILLIS);
    machine.start();
    machine.pause();
    assertTrue(waitedMillis(5, MINUTE_MILLIS) < MINUTE_MILLIS);
    machine.resume();
    Thread.currentThread().interrupt();
    assertTrue(waitedMillis(5, MINUTE_MILLIS) < MINUTE_MILLIS);
    assertTrue(Thread.interrupted());
  }

  @Test
  void aSecondLockWaitsForTheFirst() throws Exception {
    machine.start();
    Machine.VcpuLock lock = machine.lockAllVcpus();
    CompletableFuture<Void> second =
        CompletableFuture.runAsync(
            () -> machine.lockAllVcpus().close(), Thread::startVirtualThread);
    Thread.sleep(50);
    assertFalse(second.isDone());
    lock.close();
    second.get();
    awaitProgress();
  }

  @Test
  void skippedTimePassesWhenTheLockIsClosed() {
    machine.start();
    machine.pause();
    long before = machine.clock().nowNanos();
    try (Machine.VcpuLock lock = machine.lockAllVcpus()) {
      lock.skipTime(5_000_000);
    }
    assertEquals(before + 5_000_000, machine.clock().nowNanos());
  }

  @Test
  void destroyWaitsForLeases() throws Exception {
    machine.start();
    awaitProgress();
    CompletableFuture<Void> destroyed;
    try (Machine.Lease lease = machine.lease()) {
      destroyed = CompletableFuture.runAsync(machine::close, Thread::startVirtualThread);
      await().until(() -> machine.state() instanceof MachineState.Stopped);
      assertEquals(0, closed.get());
      assertTrue(memory.read64(0) > 0);
      assertThrows(MachineException.class, machine::lease);
    }
    destroyed.get();
    assertEquals(1, closed.get());
  }

  @Test
  void aHandedOverMachineNeverRunsAgain() {
    machine.start();
    Machine.VcpuLock lock = machine.lockAllVcpus();
    lock.destroyMachine(StopReason.MIGRATED, "migrated to there");
    assertEquals(
        new MachineState.Stopped(StopReason.MIGRATED, "migrated to there"),
        machine.stopped().toCompletableFuture().join());
    assertEquals(1, closed.get());
    assertThrows(MachineException.class, machine::resume);
  }

  @Test
  void whatItHoldsIsFreedWithoutHasteAfterItsEnd() {
    memory.write64(0x4000, 1);
    machine.start();
    assertThrows(MachineException.class, machine::freeSlowly);
    Machine.VcpuLock lock = machine.lockAllVcpus();
    lock.endMachine(StopReason.MIGRATED, "migrated to there");
    assertThrows(MachineException.class, machine::resume);
    assertEquals(0, closed.get());
    assertEquals(1, memory.read64(0x4000));
    machine.freeSlowly();
    assertEquals(1, closed.get());
    machine.close();
    assertEquals(1, closed.get());
  }

  @Test
  void threadsThatAreStartedAheadExecuteNothingBeforeTheStart() throws Exception {
    machine.startThreads();
    machine.startThreads();
    Thread.sleep(50);
    assertEquals(0, first.count() + second.count());
    assertInstanceOf(MachineState.Created.class, machine.state());
    machine.start();
    awaitProgress();
    assertThrows(MachineException.class, machine::startThreads);
  }

  @Test
  void threadsThatAreStartedAheadEndWithAMachineThatNeverRuns() {
    machine.startThreads();
    machine.close();
    assertEquals(1, closed.get());
  }

  @Test
  void aTripleFaultStopsEveryVcpu() {
    machine.start();
    awaitProgress();
    second.tripleFault = true;
    assertEquals(StopReason.TRIPLE_FAULT, machine.stopped().toCompletableFuture().join().reason());
    long count = await().until(first::count, c -> c == first.count());
    assertEquals(count, first.count());
  }

  /** Without it the guest would hang for ever, and the machine look as if it ran. */
  @Test
  void aTimerThatThrowsFailsTheMachineAndSaysWhichAndWhy() {
    machine.start();
    awaitProgress();
    machine
        .clock()
        .timer(
            "broken",
            () -> {
              throw new IllegalStateException("a defect");
            })
        .arm(0);
    MachineState.Stopped end = machine.stopped().toCompletableFuture().join();
    assertEquals(StopReason.FAILED, end.reason());
    assertEquals(
        "its timer broken failed: java.lang.IllegalStateException: a defect", end.detail());
    long count = await().until(first::count, c -> c == first.count());
    assertEquals(count, first.count());
  }

  @Test
  void aThrottledMachineProgressesCanBeLockedAndEnds() {
    machine.start();
    machine.throttleVcpus(99);
    awaitProgress();
    try (Machine.VcpuLock lock = machine.lockAllVcpus()) {
      long count = first.count();
      await().during(Duration.ofMillis(50)).until(() -> first.count() == count);
    }
    awaitProgress();
    machine.throttleVcpus(0);
    awaitProgress();
    machine.throttleVcpus(50);
    machine.close();
    assertThrows(IllegalArgumentException.class, () -> machine.throttleVcpus(100));
  }

  @Test
  void refusesWhatItsStateForbids() {
    assertThrows(MachineException.class, machine::pause);
    assertThrows(MachineException.class, machine::resume);
    machine.start();
    MachineException e = assertThrows(MachineException.class, machine::start);
    assertEquals(MachineException.Code.WRONG_STATE, e.code());
  }

  @Test
  void refusesNamesThatAreNoFileNames() {
    for (String name : List.of("", ".hidden", "-x", "a/b", "a b", "x".repeat(65), "..")) {
      assertThrows(MachineException.class, () -> machine.config().withName(name), name);
    }
    assertEquals("vm_1.a-b", machine.config().withName("vm_1.a-b").name());
  }
}
