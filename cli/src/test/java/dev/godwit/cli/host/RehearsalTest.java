package dev.godwit.cli.host;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.godwit.boot.BootImage;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.memory.GuestMemory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RehearsalTest {
  /** Makes real machines and keeps count of them. */
  private static final class Counting implements MachineAssembler {
    private final PcAssembler assembler = new PcAssembler();
    private final List<Machine> made = new ArrayList<>();

    @Override
    public MachineConfig configure(String name, long ramBytes, int vcpus) {
      return assembler.configure(name, ramBytes, vcpus);
    }

    @Override
    public synchronized AssembledMachine assemble(
        MachineConfig config, GuestMemory memory, String engine, Optional<BootImage> image) {
      AssembledMachine machine = assembler.assemble(config, memory, engine, image);
      made.add(machine.machine());
      return machine;
    }
  }

  @Test
  void movesItsMachinesAndLeavesNoneOfThem() throws Exception {
    Counting machines = new Counting();
    assertEquals(3, new Rehearsal(machines, "soft", "test").run(3, () -> false));
    // The one that moves, the one it becomes, and one that is saved and restored.
    assertEquals(9, machines.made.size());
    int moved = 0;
    for (Machine machine : machines.made) {
      if (machine.state() instanceof MachineState.Stopped(StopReason reason, String detail)) {
        moved += reason == StopReason.MIGRATED ? 1 : 0;
      } else {
        throw new AssertionError(machine.state());
      }
    }
    assertEquals(3, moved);
  }

  @Test
  void endsWhenThereIsSomethingElseToDo() throws Exception {
    Counting machines = new Counting();
    Rehearsal rehearsal = new Rehearsal(machines, "soft", "test");
    assertEquals(1, rehearsal.run(5, () -> !machines.made.isEmpty()));
    assertFalse(machines.made.isEmpty());
    for (Machine machine : machines.made) {
      assertInstanceOf(MachineState.Stopped.class, machine.state());
    }
  }

  /**
   * It halts for good at an exception that it does not expect. It prints two lines a turn, and
   * after 64 turns it has had each pair of its operands.
   */
  @Test
  void itsGuestRunsOnAndOn() {
    AssembledMachine machine = Rehearsal.smallMachine(new PcAssembler(), "small", "soft");
    try (Machine running = machine.machine()) {
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> linesOf(machine).filter(line -> line.startsWith("HB 12345")).count() > 500);
      assertEquals(new MachineState.Running(), running.state());
    }
  }

  private static Stream<String> linesOf(AssembledMachine machine) {
    return new String(machine.console().scrollBack(), US_ASCII).lines();
  }

  @Test
  void itsGuestIsWhatItsSourceSays(@TempDir Path folder) throws Exception {
    Path source = resource("rehearsal.S", folder);
    Path image = resource("rehearsal.bin", folder);
    Path elf = folder.resolve("built.elf");
    Path built = folder.resolve("built.bin");
    execute(
        "gcc",
        "-nostdlib",
        "-static",
        "-Wl,-Ttext=0x100000,--build-id=none,-N,--no-warn-rwx-segments",
        "-o",
        elf.toString(),
        source.toString());
    execute("objcopy", "-O", "binary", elf.toString(), built.toString());
    assertEquals(-1, Files.mismatch(image, built), "rehearsal.bin is to be assembled anew");
  }

  private static Path resource(String name, Path folder) throws IOException {
    Path file = folder.resolve(name);
    try (InputStream content = Rehearsal.class.getResourceAsStream(name)) {
      Files.copy(Objects.requireNonNull(content, name), file);
    }
    return file;
  }

  private static void execute(String... command) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), command[0]);
  }

  @Test
  void aFailureIsNobodysBusiness() throws Exception {
    Rehearsal rehearsal = new Rehearsal(new Counting(), "no such engine", "test");
    assertEquals(0, rehearsal.run(5, () -> false));
  }
}
