package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.godwit.bus.AddressMap;
import dev.godwit.cpu.ApicEvent;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.Sections;
import dev.godwit.snapshot.SnapshotException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Sections whose bytes were changed are refused, or give a platform that works, whatever its guest
 * sees.
 */
final class HostileStateTest {
  private static final int ROUNDS = 2000;
  private static final List<SnapshotException.Code> REFUSALS =
      List.of(SnapshotException.Code.CORRUPT, SnapshotException.Code.BAD_VALUE);

  @Test
  void survivesOrRefusesEveryDamagedSection() {
    List<Section> good = busyBoardsSections();
    int restored = 0;
    int refused = 0;
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      List<Section> damaged = new ArrayList<>(good);
      int which = random.nextInt(damaged.size());
      damaged.set(which, damage(damaged.get(which), random));
      try (TestBoard board = new TestBoard(2)) {
        board.clock.freeze();
        try {
          Sections.restore(board.platform.stateParts(), damaged);
        } catch (SnapshotException e) {
          assertTrue(REFUSALS.contains(e.code()), "seed " + seed + ": " + e);
          refused++;
          continue;
        }
        restored++;
        board.clock.thaw(0);
        exercise(board);
        board.clock.freeze();
        assertEquals(good.size(), Sections.save(board.platform.stateParts()).size());
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed + ", " + damaged.get(which).title(), e);
      }
    }
    assertTrue(restored > ROUNDS / 20, "restored " + restored);
    assertTrue(refused > ROUNDS / 20, "refused " + refused);
  }

  private static List<Section> busyBoardsSections() {
    try (TestBoard board = new TestBoard(2)) {
      board.initializePics(0, 8);
      board.redirect(2, 0x30);
      board.redirect(9, 1 << 15 | 0x39);
      board.enabledApic(0).writeRegister(LapicRegisters.LVT_TIMER, 0x20040);
      board.apic(0).writeRegister(LapicRegisters.INITIAL_COUNT, 100_000);
      board.enabledApic(1).writeRegister(LapicRegisters.LVT_TIMER, 0x40041);
      board.apic(1).setTscDeadline(1_000_000_000);
      for (int channel = 0; channel < 3; channel++) {
        board.out(0x43, channel << 6 | 0x34);
        board.out(0x40 + channel, 0x00);
        board.out(0x40 + channel, 0x10);
      }
      board.mmio.write(AddressMap.HPET_GPA + 0x120, 8, 0x1C4C);
      board.mmio.write(AddressMap.HPET_GPA + 0x128, 8, 400_000);
      board.mmio.write(AddressMap.HPET_GPA + 0x128, 8, 400_000);
      board.mmio.write(AddressMap.HPET_GPA + 0x10, 8, 1);
      board.out(0x70, 0x0B);
      board.out(0x71, 0x72);
      board.io.write(0x402, 2, 0x101);
      board.advance(5_000_000);
      board.clock.freeze();
      return Sections.save(board.platform.stateParts());
    }
  }

  private static Section damage(Section section, Random random) {
    byte[] bytes = section.payload().toByteArray();
    for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return new Section(
        section.group(),
        section.kind(),
        section.instance(),
        section.version(),
        section.messageType(),
        ByteString.copyFrom(bytes));
  }

  /** Reads everything and lets time pass, as a guest would. */
  private static void exercise(TestBoard board) {
    for (int step = 0; step < 3; step++) {
      board.advance(step == 2 ? 3_600_000_000_000L : 1_000_000);
      for (int vcpu = 0; vcpu < 2; vcpu++) {
        for (int offset = 0; offset < 0x400; offset += 16) {
          board.apic(vcpu).readRegister(offset);
        }
        for (int i = 0; i < 300 && board.apic(vcpu).hasInterrupt(); i++) {
          board.apic(vcpu).acknowledgeInterrupt();
          board.eoi(vcpu);
          board.out(0x20, 0x20);
        }
        for (int i = 0; i < 3; i++) {
          ApicEvent event = board.apic(vcpu).takeEvent();
          assertTrue(!(event instanceof ApicEvent.Sipi sipi) || sipi.vector() <= 0xFF);
        }
      }
      for (int register = 0; register < 0x40; register++) {
        board.readIoApic(register);
      }
      for (long register = 0; register < 0x180; register += 8) {
        board.mmio.read(AddressMap.HPET_GPA + register, 8);
      }
      for (int register = 0; register < 128; register++) {
        board.out(0x70, register);
        board.in(0x71);
      }
      for (int port : new int[] {0x20, 0x21, 0xA0, 0xA1, 0x40, 0x41, 0x42, 0x61, 0x400, 0x404}) {
        board.in(port);
      }
      board.io.read(AddressMap.PM_TIMER_PORT, 4);
    }
  }
}
