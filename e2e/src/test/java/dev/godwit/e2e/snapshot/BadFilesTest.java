package dev.godwit.e2e.snapshot;

import static dev.godwit.e2e.snapshot.SnapshotLab.MIB;
import static dev.godwit.e2e.snapshot.SnapshotLab.assertRunsWhole;
import static dev.godwit.e2e.snapshot.SnapshotLab.snapshot;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.godwit.dest.file.RestoreOptions;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.SnapshotException.Code;
import dev.godwit.snapshot.file.Forgery;
import dev.godwit.snapshot.file.Inspection;
import dev.godwit.snapshot.file.Inspector;
import dev.godwit.source.Afterwards;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each bad snapshot is refused by name, no machine is left, and the files are as they were. */
class BadFilesTest {
  private static final int SEED = 20261121;
  private static final Load LOAD = Load.of(50, 2000, 30);

  @TempDir Path folder;
  private final SnapshotLab lab = new SnapshotLab();

  @BeforeEach
  void makeSnapshot() {
    SyntheticMachine machine = lab.start(4 * MIB, 2, LOAD);
    machine.setDevice("the device");
    snapshot(machine, ram(), Afterwards.SUSPENDED);
  }

  @AfterEach
  void close() {
    lab.close();
  }

  private Path ram() {
    return folder.resolve("vm");
  }

  private Path kern() {
    return folder.resolve("vm.kern");
  }

  private Path meta() {
    return folder.resolve("vm.meta");
  }

  /** Refused, and nothing half-made is left. */
  private SnapshotException refused() {
    SnapshotException e =
        assertThrows(
            SnapshotException.class,
            () -> lab.restoreStopped(ram(), RestoreOptions.DEFAULT, InstantSource.system()));
    assertEquals(0, lab.alive(), "a machine was left behind");
    return e;
  }

  private void assertRefused(Code code, String words) {
    SnapshotException e = refused();
    assertEquals(code, e.code(), e::getMessage);
    assertTrue(String.valueOf(e.getMessage()).contains(words), e::getMessage);
  }

  private void assertInspectNames(String words) {
    Inspection inspection = Inspector.inspect(ram(), true);
    assertFalse(inspection.isWhole());
    assertTrue(
        inspection.damage().stream().anyMatch(damage -> damage.contains(words)),
        () -> inspection.damage() + " does not say " + words);
    assertTrue(inspection.toText().contains("DAMAGED"));
  }

  @Test
  void aMissingFileIsNamed() throws Exception {
    for (Path file : List.of(ram(), kern(), meta())) {
      Path aside = folder.resolve("aside");
      Files.move(file, aside);
      assertRefused(Code.TRUNCATED, file + " is missing");
      assertInspectNames(file + " is missing");
      Files.move(aside, file);
    }
    assertRunsWhole(lab.restore(ram()));
  }

  @Test
  void aTruncatedFileIsNamed() throws Exception {
    Random random = new Random(SEED);
    for (Path file : List.of(ram(), kern(), meta())) {
      byte[] whole = Files.readAllBytes(file);
      for (int length : List.of(whole.length - 1, random.nextInt(whole.length), 10, 0)) {
        Files.write(file, Arrays.copyOf(whole, length));
        SnapshotException e = refused();
        assertTrue(
            e.code() == Code.TRUNCATED || e.code() == Code.NOT_A_SNAPSHOT,
            () -> length + ": " + e.code() + " " + e.getMessage());
        assertTrue(String.valueOf(e.getMessage()).contains(file.toString()), e::getMessage);
        assertInspectNames(file.toString());
      }
      Files.write(file, whole);
    }
    assertRunsWhole(lab.restore(ram()));
  }

  @Test
  void aFileThatGoesOnIsNamed() throws Exception {
    for (Path file : List.of(ram(), kern(), meta())) {
      byte[] whole = Files.readAllBytes(file);
      Files.write(file, Arrays.copyOf(whole, whole.length + 4096));
      assertTrue(String.valueOf(refused().getMessage()).contains(file.toString()));
      Files.write(file, whole);
    }
    assertRunsWhole(lab.restore(ram()));
  }

  @Test
  void aFlippedBitAnywhereIsFound() throws Exception {
    Random random = new Random(SEED);
    for (Path file : List.of(ram(), kern(), meta())) {
      byte[] whole = Files.readAllBytes(file);
      for (int i = 0; i < 50; i++) {
        int at = random.nextInt(whole.length);
        int bit = 1 << random.nextInt(8);
        whole[at] ^= (byte) bit;
        Files.write(file, whole);
        SnapshotException e = refused();
        assertTrue(
            String.valueOf(e.getMessage()).contains(file.toString()),
            () -> "byte " + at + ": " + e.getMessage());
        assertFalse(Inspector.inspect(ram(), true).isWhole(), () -> file + ", byte " + at);
        whole[at] ^= (byte) bit;
      }
      Files.write(file, whole);
    }
    assertRunsWhole(lab.restore(ram()));
  }

  @Test
  void filesOfTwoSnapshotsAreNotMixed() throws Exception {
    Path other = folder.resolve("other");
    SyntheticMachine machine = lab.start(4 * MIB, 2, Load.of(50, 2000, 31));
    snapshot(machine, other, Afterwards.SUSPENDED);
    for (String ending : List.of("", ".kern", ".meta")) {
      Path file = folder.resolve("vm" + ending);
      byte[] own = Files.readAllBytes(file);
      Files.copy(folder.resolve("other" + ending), file, StandardCopyOption.REPLACE_EXISTING);
      refused();
      Files.write(file, own);
    }
    assertRunsWhole(lab.restore(ram()));
  }

  @Test
  void aNewerSectionIsRefusedButInspected() throws Exception {
    SyntheticMachine machine = lab.start(4 * MIB, 1, new Load(50, 2000, 30, 2, 0));
    machine.setDevice("from the future");
    snapshot(machine, ram(), Afterwards.SUSPENDED);
    assertRefused(
        Code.TOO_NEW, "section synthetic-device/dev0 has version 2; this godwit reads versions 1");
    Inspection inspection = Inspector.inspect(ram(), true);
    assertTrue(inspection.isWhole(), () -> inspection.damage().toString());
    assertTrue(inspection.toText().contains("from the future"));
    lab.setReadsVersion(2);
    assertEquals("from the future", lab.restore(ram()).device());
  }

  @Test
  void anOlderSectionIsUpgraded() throws Exception {
    lab.setReadsVersion(2);
    SyntheticMachine restored = lab.restore(ram());
    assertEquals("the device", restored.device());
    assertRunsWhole(restored);
  }

  @Test
  void aNewerFormatIsRefusedByBothFiles() throws IOException {
    byte[] kern = Files.readAllBytes(kern());
    byte[] meta = Files.readAllBytes(meta());
    Forgery.of(ram()).header(header -> header.setFormatVersion(2)).write();
    assertRefused(Code.TOO_NEW, "format version 2");
    Files.write(kern(), kern);
    Files.write(meta(), meta);
    Forgery.reseal(ram(), json -> json.replace("\"format_version\": 1", "\"format_version\": 3"));
    assertRefused(Code.TOO_NEW, meta() + " has the format version 3");
  }

  @Test
  void swappedSectionsAreRefused() {
    Forgery.of(ram()).sections(sections -> Collections.swap(sections, 2, 3)).write();
    assertRefused(Code.UNEXPECTED_SECTION, "section synthetic-vcpu/1");
    assertInspectNames("another order");
  }

  @Test
  void swappedSectionsAreRefusedThoughTheHeaderSaysSo() {
    Forgery.of(ram())
        .header(
            header -> {
              var second = header.getSections(2);
              header.setSections(2, header.getSections(3)).setSections(3, second);
            })
        .sections(sections -> Collections.swap(sections, 2, 3))
        .write();
    assertRefused(Code.UNEXPECTED_SECTION, "out of order");
  }

  @Test
  void payloadsUnderEachOthersNamesAreRefused() {
    Forgery.of(ram())
        .sections(
            sections -> {
              var device = sections.get(0);
              var clock = sections.get(1);
              sections.set(0, device.toBuilder().setPayload(clock.getPayload()).build());
              sections.set(1, clock.toBuilder().setPayload(device.getPayload()).build());
            })
        .write();
    assertTrue(String.valueOf(refused().getMessage()).contains("section synthetic-"));
  }

  @Test
  void aMissingSectionIsRefused() {
    Forgery.of(ram()).sections(sections -> sections.remove(1)).write();
    assertRefused(Code.UNEXPECTED_SECTION, "synthetic-vcpu/0");
    assertInspectNames("section synthetic-clock/0 was announced but is missing");
    Forgery.of(ram()).header(header -> header.removeSections(1)).write();
    assertRefused(Code.MISSING_SECTION, "section synthetic-clock/0 is missing");
  }

  @Test
  void aDuplicateSectionIsRefused() {
    Forgery.of(ram()).sections(sections -> sections.add(1, sections.get(0))).write();
    assertRefused(Code.UNEXPECTED_SECTION, "more sections than its header announces");
    assertInspectNames("section synthetic-device/dev0 is there twice");
    Forgery.of(ram()).header(header -> header.addSections(1, header.getSections(0))).write();
    assertRefused(Code.UNEXPECTED_SECTION, "twice");
  }

  @Test
  void aSectionForAPartThatTheMachineDoesNotHaveIsRefused() {
    Forgery.of(ram())
        .header(
            header ->
                header.addSections(
                    0, header.getSections(0).toBuilder().setKind("alien").setInstance("x").build()))
        .sections(
            sections -> {
              var alien = sections.get(0).toBuilder();
              alien.getNameBuilder().setKind("alien").setInstance("x");
              sections.add(0, alien.build());
            })
        .write();
    assertRefused(Code.UNEXPECTED_SECTION, "section alien/x");
    assertTrue(Inspector.inspect(ram(), true).isWhole());
  }

  @Test
  void aSectionOfAGroupThatDoesNotExistIsRefused() {
    Forgery.of(ram()).header(header -> header.getSectionsBuilder(0).setGroupValue(9)).write();
    assertRefused(Code.CORRUPT, "synthetic-device/dev0");
  }

  @Test
  void aPayloadThatIsNoMessageIsRefused() {
    Forgery.of(ram())
        .sections(
            sections ->
                sections.set(
                    0,
                    sections.get(0).toBuilder()
                        .setPayload(ByteString.copyFrom(new byte[] {0x0A, 0x7F, 1}))
                        .build()))
        .write();
    assertRefused(Code.CORRUPT, "section synthetic-device/dev0 does not parse");
    assertInspectNames("section synthetic-device/dev0 does not parse");
  }

  @Test
  void aMachineOfAnotherSizeIsRefused() {
    Forgery.of(ram()).header(header -> header.getConfigBuilder().setRamBytes(1L << 41)).write();
    assertRefused(Code.CORRUPT, "does not describe the RAM of the machine");
  }

  @Test
  void ramThatTheWriterLostPagesOfIsRefused() {
    Forgery.of(ram()).metadata(metadata -> metadata.setRamDigest(4711)).write();
    assertRefused(Code.CORRUPT, "it was not wholly written");
  }

  @Test
  void inspectShowsWhatIsLeftOfADamagedSnapshot() throws IOException {
    byte[] kern = Files.readAllBytes(kern());
    byte[] word = "the device".getBytes(StandardCharsets.US_ASCII);
    int at = Collections.indexOfSubList(boxed(kern), boxed(word));
    kern[at] ^= 1;
    Files.write(kern(), kern);
    assertInspectNames("section synthetic-device/dev0");
    Inspection inspection = Inspector.inspect(ram(), true);
    assertEquals(4, inspection.sections().size());
    assertTrue(inspection.toText().contains("uhe device"), inspection::toText);
    assertTrue(inspection.toJson().contains("\"whole\": false"));
  }

  private static List<Byte> boxed(byte[] bytes) {
    Byte[] boxed = new Byte[bytes.length];
    Arrays.setAll(boxed, i -> bytes[i]);
    return List.of(boxed);
  }
}
