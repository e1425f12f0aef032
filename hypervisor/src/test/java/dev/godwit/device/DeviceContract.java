package dev.godwit.device;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.Sections;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.StatePart;
import dev.godwit.snapshot.StatelessPart;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What every device promises. A device's test class extends this and says how to make one and where
 * its registers are; the claims below then run on it.
 */
public abstract class DeviceContract {
  private static final int ACCESSES = 20_000;
  private static final int ROUNDS = 40;

  /** A board with one device on it. */
  public static final class Board implements AutoCloseable {
    public final AtomicLong hostNanos = new AtomicLong();
    public final GuestClock clock = new GuestClock(hostNanos::get, 1_000_000_000L);
    public final RecordedLines lines = new RecordedLines();
    public final DeviceBus bus = new DeviceBus(new PortBus(), new MmioBus());

    @Override
    public void close() {
      clock.close();
    }
  }

  /** A range of addresses in which registers are. */
  public record Range(boolean mmio, long start, long bytes) {}

  protected final Board board = new Board();
  protected final Board otherBoard = new Board();
  private Device device;
  private Device other;

  /** Makes a device on a board, attached, in reset state. */
  protected abstract Device create(Board board);

  /** Returns where its registers are, now. */
  protected abstract List<Range> ranges();

  /**
   * Does what a driver would, so that there is something to save; by default the random accesses do
   * it.
   */
  protected abstract void exercise(Device device, Board board);

  @BeforeEach
  void createDevices() {
    device = create(board);
    other = create(otherBoard);
  }

  @AfterEach
  void closeBoards() {
    board.close();
    otherBoard.close();
  }

  protected final Device device() {
    return device;
  }

  @Test
  void declaresItsStateOrWhyItHasNone() {
    assertFalse(device.stateParts().isEmpty());
    Set<String> titles = new HashSet<>();
    for (StatePart part : device.stateParts()) {
      switch (part) {
        case SavedPart<?> saved -> {
          assertEquals(SectionGroup.DEVICES, saved.kind().group());
          assertTrue(titles.add(saved.kind().name() + "/" + saved.instance()));
        }
        case StatelessPart(String name, String reason) ->
            assertAll(() -> assertFalse(name.isBlank()), () -> assertFalse(reason.isBlank()));
      }
    }
    assertEquals(device.stateParts(), device.stateParts());
  }

  @Test
  void savingTwiceGivesTheSameState() {
    exercise(device, board);
    assertEquals(Sections.save(device.stateParts()), Sections.save(device.stateParts()));
  }

  @Test
  void restoredDeviceHasTheStateThatWasSaved() {
    exercise(device, board);
    assertRoundTrip("after exercise");
  }

  @Test
  void survivesAnyAccessAndAnyStateThatResultsCanBeSavedAndRestored() {
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      for (int i = 0; i < ACCESSES / ROUNDS; i++) {
        randomAccess(random, board);
      }
      assertRoundTrip("seed " + seed);
    }
  }

  @Test
  void restoredDeviceAnswersLikeTheOriginal() {
    Random random = new Random(1);
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < 50; i++) {
        randomAccess(random, board);
      }
      Sections.restore(other.stateParts(), Sections.save(device.stateParts()));
      for (int i = 0; i < 50; i++) {
        long seed = random.nextLong();
        assertEquals(
            randomAccess(new Random(seed), board),
            randomAccess(new Random(seed), otherBoard),
            "round " + round + " access " + i);
        assertEquals(board.lines.high(), otherBoard.lines.high());
      }
    }
  }

  @Test
  void drivesItsLinesAfterRestoreAsBefore() {
    exercise(device, board);
    Sections.restore(other.stateParts(), Sections.save(device.stateParts()));
    assertEquals(board.lines.high(), otherBoard.lines.high());
  }

  @Test
  void resetGivesPowerOnStateWhateverWasBefore() {
    List<Section> powerOn = Sections.save(other.stateParts());
    exercise(device, board);
    Random random = new Random(2);
    for (int i = 0; i < 500; i++) {
      randomAccess(random, board);
    }
    device.reset();
    assertEquals(powerOn, Sections.save(device.stateParts()));
    assertEquals(Set.of(), board.lines.high());
  }

  @Test
  void quiesceAndResumeKeepTheState() {
    exercise(device, board);
    List<Section> before = Sections.save(device.stateParts());
    device.quiesce();
    device.quiesce();
    assertEquals(before, Sections.save(device.stateParts()));
    device.resume();
    device.resume();
    assertEquals(before, Sections.save(device.stateParts()));
  }

  /**
   * Sets fields to extreme values: what is accepted must be saved again as it was, the rest is
   * refused by name, unchanged.
   */
  @Test
  void refusesMalformedStateAndStaysAsItIs() {
    exercise(device, board);
    int refused = 0;
    for (StatePart part : device.stateParts()) {
      if (part instanceof SavedPart<?> saved) {
        refused += mutate(saved);
      }
    }
    boolean hasState = device.stateParts().stream().anyMatch(SavedPart.class::isInstance);
    assertTrue(!hasState || refused > 0, "no malformed value was refused");
  }

  private static <M extends Message> int mutate(SavedPart<M> part) {
    int refused = 0;
    M good = part.save();
    for (Message bad : extremes(good)) {
      @SuppressWarnings("unchecked")
      M candidate = (M) bad;
      try {
        part.restore(candidate);
        assertEquals(candidate, part.save(), "accepted but not kept");
        part.restore(good);
      } catch (SnapshotException e) {
        assertEquals(SnapshotException.Code.BAD_VALUE, e.code());
        assertTrue(e.toString().contains(part.kind().name() + "/" + part.instance()), e::toString);
        assertEquals(good, part.save(), "refused but changed by " + candidate);
        refused++;
      }
    }
    return refused;
  }

  /** Returns copies of a message, each with one field, at any depth, set to something extreme. */
  private static List<Message> extremes(Message message) {
    List<Message> all = new ArrayList<>();
    for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
      if (field.isRepeated()) {
        List<?> values = (List<?>) message.getField(field);
        Message one = message.newBuilderForType().build();
        if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
          for (int i = 0; i < values.size(); i++) {
            for (Message nested : extremes((Message) values.get(i))) {
              all.add(message.toBuilder().setRepeatedField(field, i, nested).build());
            }
          }
        }
        all.add(message.toBuilder().clearField(field).build());
        if (!values.isEmpty() && !one.equals(message)) {
          all.add(message.toBuilder().addRepeatedField(field, values.getFirst()).build());
        }
        continue;
      }
      switch (field.getJavaType()) {
        case INT -> {
          for (int value : new int[] {0, 1, 0xFF, 0x100, 0xFFFF, 0x1_0000, Integer.MAX_VALUE, -1}) {
            all.add(message.toBuilder().setField(field, value).build());
          }
        }
        case LONG -> {
          for (long value : new long[] {0, 1, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE, -1}) {
            all.add(message.toBuilder().setField(field, value).build());
          }
        }
        case BOOLEAN -> {
          all.add(message.toBuilder().setField(field, true).build());
          all.add(message.toBuilder().setField(field, false).build());
        }
        case BYTE_STRING -> {
          for (int length : new int[] {0, 1, 100, 10_000}) {
            all.add(
                message.toBuilder().setField(field, ByteString.copyFrom(new byte[length])).build());
          }
        }
        case MESSAGE -> {
          for (Message nested : extremes((Message) message.getField(field))) {
            all.add(message.toBuilder().setField(field, nested).build());
          }
          all.add(message.toBuilder().clearField(field).build());
        }
        case STRING -> all.add(message.toBuilder().setField(field, "nonsense").build());
        case FLOAT, DOUBLE, ENUM -> throw new AssertionError("say what is extreme for " + field);
      }
    }
    return all;
  }

  @Test
  void refusesToBeAttachedWhereAnotherDeviceIs() {
    assertThrows(IllegalStateException.class, () -> device.attach(board.bus));
  }

  private void assertRoundTrip(String when) {
    List<Section> saved = Sections.save(device.stateParts());
    Sections.restore(other.stateParts(), saved);
    assertEquals(saved, Sections.save(other.stateParts()), when);
  }

  private long randomAccess(Random random, Board on) {
    List<Range> ranges = ranges();
    Range range = ranges.get(random.nextInt(ranges.size()));
    int sizeBytes = 1 << random.nextInt(range.mmio ? 4 : 3);
    long address = range.start + random.nextLong(range.bytes);
    boolean write = random.nextBoolean();
    long value = random.nextBoolean() ? random.nextLong() : random.nextInt(256);
    if (range.mmio) {
      if (write) {
        on.bus.mmio().write(address, sizeBytes, value);
        return 0;
      }
      return on.bus.mmio().read(address, sizeBytes);
    }
    if (write) {
      on.bus.io().write((int) address, sizeBytes, (int) value);
      return 0;
    }
    return on.bus.io().read((int) address, sizeBytes);
  }
}
