package dev.godwit.cpu.soft;

import dev.godwit.cpu.CpuEngine;
import dev.godwit.cpu.CpuException;
import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuPorts;
import dev.godwit.memory.GuestMemory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** The engine {@code soft}. vCPUs of one machine share what is known about pages that hold code. */
public final class SoftCpuEngine implements CpuEngine {
  /** How often a vCPU looks whether another one is done before it gives its host CPU away. */
  private static final int SPINS = 64;

  private final List<SoftVcpu> vcpus = new CopyOnWriteArrayList<>();
  private @Nullable CodeMap codeMap;
  private @Nullable GuestMemory memory;

  @Override
  public String name() {
    return "soft";
  }

  @Override
  public synchronized Vcpu createVcpu(int index, VcpuPorts ports) {
    if (index >= CodeMap.MAX_VCPUS) {
      throw new CpuException(
          CpuException.Code.UNSUPPORTED,
          "the soft engine runs at most " + CodeMap.MAX_VCPUS + " vCPUs in one machine");
    }
    CodeMap map = codeMap;
    if (map == null || memory == null) {
      map = new CodeMap(ports.memory().framePages());
      codeMap = map;
      memory = ports.memory();
      CodeMap shared = map;
      memory.observeWrites((firstGfn, lastGfn) -> written(shared, firstGfn, lastGfn, -1));
      memory.dirty().observeHarvests(this::dropWrites);
    }
    CodeMap shared = map;
    SoftCpu cpu = new SoftCpu(ports, index, shared);
    SoftVcpu vcpu = new SoftVcpu(cpu);
    cpu.blocks.connect(
        gfn -> written(shared, gfn, gfn, index), gfn -> protectElsewhere(shared, gfn, vcpu));
    vcpus.add(vcpu);
    return vcpu;
  }

  /**
   * Returns how many instructions the vCPUs have completed, for statistics: of a vCPU that runs,
   * the number as of a moment ago.
   */
  public long completedInstructions() {
    long sum = 0;
    for (SoftVcpu vcpu : vcpus) {
      sum += vcpu.cpu().retired;
    }
    return sum;
  }

  /** Makes owners of code pages drop their blocks, all but the vCPU that has written. */
  private void written(CodeMap map, long firstGfn, long lastGfn, int writer) {
    for (long gfn = firstGfn; gfn <= lastGfn; gfn++) {
      int owners = map.owners(gfn);
      if (owners != 0) {
        for (SoftVcpu vcpu : vcpus) {
          if (vcpu.index() != writer && (owners >> vcpu.index() & 1) != 0) {
            vcpu.codeWritten(gfn);
          }
        }
      }
    }
  }

  /**
   * Takes a page's write entries from every other vCPU's TLB that may have some, and waits until
   * they are gone. Two vCPUs may do this to each other at the same time: each serves the other
   * while it waits.
   */
  private void protectElsewhere(CodeMap map, long gfn, SoftVcpu owner) {
    int writers = map.writers(gfn) & ~(1 << owner.index());
    if (writers == 0) {
      return;
    }
    long[] tickets = new long[CodeMap.MAX_VCPUS];
    for (SoftVcpu other : vcpus) {
      if ((writers >> other.index() & 1) != 0) {
        tickets[other.index()] = other.askToProtect(gfn);
      }
    }
    for (SoftVcpu other : vcpus) {
      if ((writers >> other.index() & 1) != 0) {
        await(other, tickets[other.index()], owner::protectAsAsked);
      }
    }
  }

  /**
   * Makes every vCPU mark the pages that it writes anew, and waits until none stores on the
   * strength of an old mark: those that execute guest code come to an instruction's end first.
   */
  private void dropWrites() {
    Map<SoftVcpu, Long> tickets = new LinkedHashMap<>();
    for (SoftVcpu vcpu : vcpus) {
      tickets.put(vcpu, vcpu.askToDropWrites());
    }
    tickets.forEach((vcpu, ticket) -> await(vcpu, ticket, () -> {}));
  }

  /**
   * Waits until a vCPU has done what it was asked for.
   *
   * @param meanwhile done again and again while this waits
   */
  @SuppressWarnings("ThreadPriorityCheck") // a hint; nothing relies on it
  private static void await(SoftVcpu asked, long ticket, Runnable meanwhile) {
    for (int turn = 1; !asked.hasProtected(ticket); turn++) {
      meanwhile.run();
      if (turn % SPINS == 0) {
        Thread.yield(); // it may have no host CPU
      } else {
        Thread.onSpinWait();
      }
    }
  }

  @Override
  public synchronized void close() {
    if (memory != null) {
      memory.observeWrites(null);
      memory.dirty().observeHarvests(null);
    }
    vcpus.clear();
  }
}
