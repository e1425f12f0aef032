package dev.godwit.control;

import dev.godwit.backend.Console;
import dev.godwit.control.TransferEvent.Kind;
import dev.godwit.control.TransferEvent.Phase;
import dev.godwit.machine.MachineException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** A machine's process without a machine. */
public final class FakeActions implements ControlActions {
  final Console console;
  final AtomicInteger cancels = new AtomicInteger();
  final CountDownLatch cancelled = new CountDownLatch(1);
  volatile MachineStatus status =
      new MachineStatus(
          "alpha",
          MachineStatus.State.RUNNING,
          "",
          1,
          "soft",
          1 << 20,
          2,
          "x86-64-v1",
          42,
          7,
          null,
          "",
          "v");

  /** What was ordered last, as text. */
  public volatile String lastOrder = "";

  /** Makes one with the usual console. */
  public FakeActions() {
    this(new Console());
  }

  FakeActions(Console console) {
    this.console = console;
  }

  void guestWrites(String text) {
    text.chars().forEach(console::transmit);
  }

  /** Returns what the guest has not read yet. */
  String guestReads() {
    StringBuilder text = new StringBuilder();
    for (int octet = console.receive(); octet >= 0; octet = console.receive()) {
      text.append((char) octet);
    }
    return text.toString();
  }

  @Override
  public MachineStatus status() {
    return status;
  }

  private void remember(TransferEvent done) {
    MachineStatus now = status;
    status =
        new MachineStatus(
            now.name(),
            now.state(),
            now.detail(),
            now.pid(),
            now.engine(),
            now.ramBytes(),
            now.vcpus(),
            now.cpuModel(),
            now.guestNanos(),
            now.dirtyPages(),
            done,
            now.listen(),
            now.version());
  }

  @Override
  public void pause() {
    throw new MachineException(MachineException.Code.WRONG_STATE, "cannot pause: it has ended");
  }

  @Override
  public void resume(boolean force) {
    if (!force) {
      throw new IllegalStateException("a defect");
    }
  }

  @Override
  public String stop(boolean force, Duration timeout) {
    return (force ? "forced " : "asked ") + timeout.toMillis();
  }

  @Override
  public Console console() {
    return console;
  }

  @Override
  public TransferEvent migrate(MigrateOrder order, Consumer<TransferEvent> progress) {
    lastOrder = order.toString();
    TransferEvent event = TransferEvent.beginning(Kind.MIGRATE, order.to());
    progress.accept(event);
    return switch (order.to()) {
      case "good:1" -> {
        TransferEvent done =
            new TransferEvent(
                Kind.MIGRATE,
                "good:1",
                Phase.DONE,
                2,
                100,
                40,
                4096,
                0,
                1e9,
                12.5,
                20,
                3,
                99,
                new TransferEvent.Downtime(10, 1, 2, 3, 4),
                "",
                "",
                -2,
                new TransferEvent.Saved(5, 6, 7, 8));
        remember(done);
        yield done;
      }
      case "slow:1" -> {
        awaitCancel();
        yield event.ended(Phase.CANCELLED, "CANCELLED", "cancelled by the user");
      }
      default -> event.ended(Phase.FAILED, "UNREACHABLE", "nobody listens there");
    };
  }

  private void awaitCancel() {
    try {
      cancelled.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public TransferEvent snapshot(SnapshotOrder order, Consumer<TransferEvent> progress) {
    lastOrder = order.toString();
    throw new ControlException(ControlException.Code.WRONG_STATE, "one is in flight already");
  }

  @Override
  public boolean cancelTransfer() {
    cancels.incrementAndGet();
    cancelled.countDown();
    return true;
  }
}
