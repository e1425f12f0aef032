package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.cpu.CpuException;
import dev.godwit.cpu.VcpuState;
import dev.godwit.cpu.VcpuStateCodec;
import dev.godwit.proto.v1.VcpuSection;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SaveRestoreTest {
  /**
   * Two thousand rounds of integer, memory, stack, call, CPUID and SSE work, each depending on the
   * one before.
   */
  private static final String PROGRAM =
      """
      bf00002000 b845230100 bdd0070000 4869c06d4ec641 4805393000004889c281e2ffff0000
      488904174811d3534c330417415949c1c807a801740849f7d2e80f000000f2480f2ac0f20f58c8ffcd75bfe6f4
      0fa24c89c0c3
      """;

  private static VcpuState throughBytes(VcpuState state) {
    try {
      return VcpuStateCodec.fromProto(
          VcpuSection.parseFrom(VcpuStateCodec.toProto(state).toByteArray()));
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertSame(VcpuState wanted, VcpuState found) {
    assertEquals(VcpuStateCodec.toProto(wanted), VcpuStateCodec.toProto(found));
  }

  @Test
  void movingAtRandomBoundariesEndsInTheSameStateAsNotMoving() {
    VcpuState wanted;
    byte[] wantedRam = new byte[0x10000];
    try (Guest g = Guest.longMode(PROGRAM)) {
      g.run();
      wanted = g.vcpu.save();
      g.memory.copyOut(0x200000, java.lang.foreign.MemorySegment.ofArray(wantedRam));
    }
    Random random = new Random(20261121);
    int moves = 0;
    for (int round = 0; round < 20; round++) {
      Guest g = Guest.longMode(PROGRAM);
      g.exitValue = -1;
      while (g.exitValue == -1) {
        step(g, random.nextInt(10_000));
        if (g.exitValue != -1) {
          break;
        }
        VcpuState state = g.vcpu.save();
        Guest next = new Guest();
        next.exitValue = -1;
        byte[] ram = new byte[16 << 20];
        g.memory.copyOut(0, java.lang.foreign.MemorySegment.ofArray(ram));
        next.memory.copyIn(0, ram);
        next.vcpu.restore(throughBytes(state));
        assertSame(state, next.vcpu.save());
        g.close();
        g = next;
        moves++;
      }
      assertSame(wanted, g.vcpu.save());
      byte[] ram = new byte[0x10000];
      g.memory.copyOut(0x200000, java.lang.foreign.MemorySegment.ofArray(ram));
      assertArrayEquals(wantedRam, ram);
      g.close();
    }
    assertEquals(true, moves > 20, "moves: " + moves);
  }

  /** Executes that many instructions one by one, or up to the exit. */
  private static void step(Guest g, int instructions) {
    for (int i = 0; i < instructions && g.exitValue == -1; i++) {
      g.vcpu.stepOnce();
    }
  }

  @Test
  void pendingShadowAndHaltSurvive() {
    try (Guest g = Guest.longMode("e6f4")) {
      g.cpu.interruptShadow = true;
      g.cpu.nmiBlocked = true;
      g.cpu.activity = VcpuState.Activity.HALTED;
      g.cpu.setRflags(0xED7);
      VcpuState state = g.vcpu.save();
      try (Guest other = new Guest()) {
        other.vcpu.restore(throughBytes(state));
        assertSame(state, other.vcpu.save());
      }
    }
  }

  @Test
  void statesThatNoVcpuCanHaveAreRefused() {
    try (Guest g = Guest.longMode("e6f4")) {
      VcpuSection good = VcpuStateCodec.toProto(g.vcpu.save());
      refused(good.toBuilder().clearGpr().build());
      refused(good.toBuilder().setCr0(0x8000_0000L).build());
      refused(good.toBuilder().setCr4(1L << 40).build());
      refused(good.toBuilder().setCr3(-1).build());
      refused(good.toBuilder().clearTr().build());
      refused(good.toBuilder().setActivityValue(99).build());
      refused(good.toBuilder().addMsrs(good.getMsrs(0)).build());
      refused(
          good.toBuilder().addMsrs(dev.godwit.proto.v1.VcpuMsr.newBuilder().setNumber(7)).build());
    }
  }

  private static void refused(VcpuSection section) {
    CpuException e =
        assertThrows(
            CpuException.class,
            () -> {
              try (Guest g = new Guest()) {
                g.vcpu.restore(VcpuStateCodec.fromProto(section));
              }
            });
    assertEquals(CpuException.Code.BAD_STATE, e.code());
  }
}
