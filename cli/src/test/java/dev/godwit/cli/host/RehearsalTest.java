package dev.godwit.cli.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.boot.BootImage;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

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
  }

  @Test
  void aFailureIsNobodysBusiness() throws Exception {
    Rehearsal rehearsal = new Rehearsal(new Counting(), "no such engine", "test");
    assertEquals(0, rehearsal.run(5, () -> false));
  }
}
