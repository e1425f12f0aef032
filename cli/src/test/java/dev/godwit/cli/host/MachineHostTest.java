package dev.godwit.cli.host;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.backend.Console;
import dev.godwit.boot.BootImage;
import dev.godwit.cli.ExitStatus;
import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.MigrateOrder;
import dev.godwit.control.RunDirectory;
import dev.godwit.control.TransferEvent;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.memory.GuestMemory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A machine's process around a machine that counts in its RAM. */
class MachineHostTest {
  private static final long RAM_BYTES = 16L << 20;
  private static final SyntheticMachine.Load LOAD = SyntheticMachine.Load.of(64, 20_000, 256);

  @TempDir Path folder;
  private final AtomicInteger buttonPressed = new AtomicInteger();
  private final MachineAssembler assembler = new SyntheticAssembler();
  private RunDirectory directory;
  private SyntheticMachine machine;
  private MachineHost host;

  private class SyntheticAssembler implements MachineAssembler {
    @Override
    public MachineConfig configure(String name, long ramBytes, int vcpus) {
      return SyntheticMachine.config(name, ramBytes, vcpus, LOAD);
    }

    @Override
    public AssembledMachine assemble(
        MachineConfig config, GuestMemory memory, String engine, Optional<BootImage> image) {
      return assembled(SyntheticMachine.build(config, memory, 1), engine);
    }
  }

  private AssembledMachine assembled(SyntheticMachine synthetic, String engine) {
    return new AssembledMachine(
        synthetic.machine(),
        new Console(),
        engine,
        buttonPressed::incrementAndGet,
        entryGpa -> {},
        OptionalInt::empty);
  }

  @BeforeEach
  void start() {
    directory = RunDirectory.at(folder.resolve("run"));
    machine = SyntheticMachine.create(assembler.configure("alpha", RAM_BYTES, 1), 1);
    host = MachineHost.open(directory, "alpha", "test");
    host.adopt(assembled(machine, "synthetic"));
    machine.machine().start();
  }

  @AfterEach
  void end() {
    host.close();
  }

  private CompletableFuture<HostEnd> ending(MachineHost process) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return process.awaitEnd();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        },
        Thread::startVirtualThread);
  }

  @Test
  void theProcessEndsWithItsMachineAndGivesTheNameUp() throws Exception {
    CompletableFuture<HostEnd> end = ending(host);
    machine.machine().guestEnded(StopReason.POWER_OFF, "the guest powered off");
    assertEquals(new HostEnd(ExitStatus.OK, "the guest powered off"), end.get());
    assertEquals(List.of(), directory.names());
  }

  @Test
  void aGuestThatCrashesIsNoSuccess() throws Exception {
    machine.machine().guestEnded(StopReason.TRIPLE_FAULT, "a triple fault");
    assertEquals(ExitStatus.GUEST_FAILED, host.awaitEnd().status());
  }

  @Test
  void pausedMachinesStandAndSaySo() {
    try (ControlClient client = ControlClient.connect(directory, "alpha")) {
      client.pause();
      assertEquals(MachineStatus.State.PAUSED, client.status().state());
      long steps = machine.steps();
      assertEquals(steps, machine.steps());
      ControlException e =
          assertThrows(ControlException.class, () -> client.stop(false, Duration.ofSeconds(1)));
      assertEquals(ControlException.Code.WRONG_STATE, e.code());
      client.resume(false);
      assertEquals(MachineStatus.State.RUNNING, client.status().state());
      await().until(() -> machine.steps() > steps);
    }
  }

  @Test
  void stopPressesTheButtonAndUsesForceWhenThatDoesNotHelp() throws Exception {
    CompletableFuture<HostEnd> end = ending(host);
    try (ControlClient client = ControlClient.connect(directory, "alpha")) {
      String reason = client.stop(false, Duration.ofMillis(100));
      assertTrue(reason.contains("did not power off within 100 ms"), reason);
    }
    assertEquals(1, buttonPressed.get());
    assertEquals(ExitStatus.OK, end.get().status());
  }

  @Test
  void aMachineMovesToAnotherProcessAndTheFirstSaysWhere() throws Exception {
    CompletableFuture<HostEnd> end = ending(host);
    try (Reception reception =
            new Reception(Endpoint.parse("127.0.0.1:0"), "beta", assembler, "synthetic", "test");
        MachineHost other = MachineHost.open(directory, "beta", "test")) {
      var outcome = reception.outcome();
      reception.host(other);
      String address = reception.listening().toString();
      assertEquals(MachineStatus.State.RECEIVING, other.status().state());
      assertEquals(address, other.status().listen());
      List<TransferEvent> events = new ArrayList<>();
      TransferEvent last;
      try (ControlClient client = ControlClient.connect(directory, "alpha")) {
        last =
            client.migrate(
                new MigrateOrder(
                    address,
                    Duration.ofSeconds(1),
                    Duration.ZERO,
                    0,
                    "auto",
                    true,
                    "",
                    0,
                    0,
                    8 << 20),
                events::add);
      }
      assertEquals(TransferEvent.Phase.DONE, last.phase(), last.error());
      assertNotNull(last.downtime());
      outcome.get();
      assertEquals(MachineStatus.State.RUNNING, other.status().state());
      assertEquals("beta", other.status().name());
      assertEquals(new HostEnd(ExitStatus.OK, "migrated to " + address), end.get());
      assertEquals(List.of("beta"), directory.names());
    }
  }

  /** What was typed into it would be overwritten by the machine's own state. */
  @Test
  void aDestinationServesNoConsoleBeforeItsMachineRuns() throws Exception {
    CompletableFuture<ControlException> refused = new CompletableFuture<>();
    AtomicReference<@Nullable MachineHost> other = new AtomicReference<>();
    MachineAssembler nosy =
        new SyntheticAssembler() {
          @Override
          public AssembledMachine assemble(
              MachineConfig config, GuestMemory memory, String engine, Optional<BootImage> image) {
            MachineHost arriving = Objects.requireNonNull(other.get());
            refused.complete(assertThrows(ControlException.class, arriving::console));
            return super.assemble(config, memory, engine, image);
          }
        };
    try (Reception reception =
            new Reception(Endpoint.parse("127.0.0.1:0"), "beta", nosy, "synthetic", "test");
        MachineHost receiving = MachineHost.open(directory, "beta", "test")) {
      other.set(receiving);
      var outcome = reception.outcome();
      reception.host(receiving);
      assertEquals(TransferEvent.Phase.DONE, migrateTo(reception.listening().toString()).phase());
      outcome.get();
      assertEquals(ControlException.Code.WRONG_STATE, refused.get().code());
      assertTrue(String.valueOf(refused.get().getMessage()).contains("has no machine yet"));
      assertNotNull(receiving.console());
    }
  }

  private TransferEvent migrateTo(String address) {
    return host.migrate(
        new MigrateOrder(
            address, Duration.ofSeconds(1), Duration.ZERO, 0, "auto", false, "", 0, 0, 8 << 20),
        event -> {});
  }

  @Test
  void aNameInUseAtTheDestinationIsRefusedAndTheMachineGoesOn() {
    try (Reception reception =
            new Reception(Endpoint.parse("127.0.0.1:0"), null, assembler, "synthetic", "test");
        MachineHost other = MachineHost.open(directory, "receive-1", "test")) {
      reception.host(other);
      TransferEvent last = migrateTo(reception.listening().toString());
      assertEquals(TransferEvent.Phase.FAILED, last.phase());
      assertTrue(last.error().contains("a machine named alpha is here already"), last.error());
      assertEquals("receive-1", other.name());
      assertFalse(other.hasMachine());
      assertEquals(MachineStatus.State.RUNNING, host.status().state());
      long steps = machine.steps();
      await().until(() -> machine.steps() > steps);
    }
  }

  @Test
  void nobodyListensThereAndTheMachineGoesOn() {
    TransferEvent last = migrateTo("127.0.0.1:1");
    assertEquals(TransferEvent.Phase.FAILED, last.phase());
    assertEquals("UNREACHABLE", last.errorCode());
    assertEquals(last, host.status().transfer());
    long steps = machine.steps();
    await().until(() -> machine.steps() > steps);
  }

  @Test
  void anAddressThatIsNoneIsABadRequest() {
    ControlException e =
        assertThrows(
            ControlException.class,
            () ->
                host.migrate(
                    new MigrateOrder(
                        "nowhere",
                        Duration.ZERO,
                        Duration.ZERO,
                        0,
                        "auto",
                        false,
                        "",
                        0,
                        0,
                        8 << 20),
                    event -> {}));
    assertEquals(ControlException.Code.BAD_REQUEST, e.code());
    assertEquals(MachineStatus.State.RUNNING, host.status().state());
  }
}
