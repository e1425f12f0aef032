package dev.godwit.cli;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.godwit.cli.host.AssembledMachine;
import dev.godwit.cli.host.MachineHost;
import dev.godwit.cli.host.PcAssembler;
import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlServer;
import dev.godwit.control.FakeActions;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.RunDirectory;
import dev.godwit.control.SnapshotOrder;
import dev.godwit.control.TransferEvent;
import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code restore} and {@code inspect}, on a snapshot of a PC that was paused. */
class SnapshotFilesTest {
  private static final long RAM_BYTES = 16L << 20;

  @TempDir Path folder;
  private final InputStream keyboard = System.in;
  private RunDirectory directory;
  private Path file;

  @BeforeEach
  void save() {
    System.setIn(InputStream.nullInputStream());
    directory = RunDirectory.at(folder.resolve("run"));
    file = folder.resolve("snapshot");
    PcAssembler assembler = new PcAssembler();
    MachineConfig config = assembler.configure("saved", RAM_BYTES, 1);
    try (MachineHost host = MachineHost.open(directory, "saved", "test")) {
      GuestMemory memory = GuestMemory.allocate(RAM_BYTES);
      memory.write8(0x12345, 42);
      AssembledMachine machine = assembler.assemble(config, memory, "soft", Optional.empty());
      host.adopt(machine);
      machine.machine().startPaused();
      TransferEvent end =
          host.snapshot(
              new SnapshotOrder(file, true, Duration.ofSeconds(5), Optional.empty()),
              progress -> {});
      assertEquals(TransferEvent.Phase.DONE, end.phase(), end.error());
    }
  }

  @AfterEach
  void giveTheKeyboardBack() {
    System.setIn(keyboard);
  }

  /** A command, what it printed, and its exit status. */
  private record Ran(ExitStatus status, String out, String err) {}

  private Ran godwit(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine commandLine = Main.commandLine(() -> directory);
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    int code = commandLine.execute(arguments);
    for (ExitStatus status : ExitStatus.values()) {
      if (status.code() == code) {
        return new Ran(status, out.toString(), err.toString());
      }
    }
    throw new AssertionError("no exit status: " + code);
  }

  private static void flipAByteOf(Path damaged, int at) throws IOException {
    byte[] bytes = Files.readAllBytes(damaged);
    bytes[at] ^= 1;
    Files.write(damaged, bytes);
  }

  @Test
  void inspectShowsAWholeSnapshotByAnyOfItsFiles() {
    for (String suffix : List.of("", ".kern", ".meta")) {
      Ran ran = godwit("inspect", file + suffix);
      assertEquals(ExitStatus.OK, ran.status(), ran.err());
      assertTrue(ran.out().contains("saved"), ran.out());
      assertEquals("", ran.err());
    }
  }

  @Test
  void inspectAsJsonIsOneObject() {
    Ran ran = godwit("inspect", file.toString(), "--json");
    JsonObject inspection = JsonParser.parseString(ran.out()).getAsJsonObject();
    assertTrue(inspection.get("whole").getAsBoolean(), ran.out());
    for (String field : List.of("file", "manifest", "header", "metadata", "sections")) {
      assertTrue(inspection.has(field), field);
    }
  }

  @Test
  void inspectSaysWhatIsDamagedAndEndsWithBadSnapshot() throws Exception {
    flipAByteOf(file, 0x12345);
    Ran ran = godwit("inspect", file.toString(), "--json");
    assertEquals(ExitStatus.BAD_SNAPSHOT, ran.status(), ran.out());
    JsonObject inspection = JsonParser.parseString(ran.out()).getAsJsonObject();
    assertFalse(inspection.get("whole").getAsBoolean());
    assertFalse(inspection.getAsJsonArray("damage").isEmpty());
    assertEquals(ExitStatus.OK, godwit("inspect", file.toString(), "--no-verify").status());
  }

  @Test
  void whatIsNoSnapshotIsNamed() {
    String absent = folder.resolve("absent").toString();
    for (String command : List.of("inspect", "restore")) {
      Ran ran = godwit(command, absent);
      assertEquals(ExitStatus.BAD_SNAPSHOT, ran.status(), ran.out() + ran.err());
      assertTrue((ran.out() + ran.err()).contains(absent), ran.out() + ran.err());
    }
    assertEquals(List.of(), directory.names());
  }

  @Test
  void aDamagedSnapshotIsNotRestoredAndItsNameIsFreeAgain() throws Exception {
    flipAByteOf(file, 0x12345);
    Ran ran = godwit("restore", file.toString());
    assertEquals(ExitStatus.BAD_SNAPSHOT, ran.status(), ran.err());
    assertTrue(ran.err().startsWith("godwit restore: "), ran.err());
    assertTrue(ran.err().contains(file.toString()), ran.err());
    assertEquals(List.of(), directory.names());
  }

  @Test
  void aNameInUseIsNotRestoredTwice() {
    try (ControlServer server = ControlServer.start(directory, "saved", new FakeActions())) {
      Ran ran = godwit("restore", file.toString());
      assertEquals(ExitStatus.WRONG_STATE, ran.status(), ran.err());
      assertTrue(ran.err().contains("a machine named saved is here already"), ran.err());
      assertEquals(List.of(server.name()), directory.names());
    }
  }

  @Test
  void aPausedMachineIsRestoredPausedUnderTheNameItIsGiven() throws Exception {
    CompletableFuture<Ran> restoring =
        CompletableFuture.supplyAsync(
            () -> godwit("restore", file.toString(), "--name", "again"),
            Thread::startVirtualThread);
    await().until(() -> directory.isAlive("again") || restoring.isDone());
    try (ControlClient client = ControlClient.connect(directory, "again")) {
      await().until(() -> client.status().state() == MachineStatus.State.PAUSED);
      assertEquals(RAM_BYTES, client.status().ramBytes());
      assertEquals(ExitStatus.OK, godwit("stop", "again", "--force").status());
    }
    Ran ran = restoring.get();
    assertEquals(ExitStatus.OK, ran.status(), ran.err());
    assertTrue(
        ran.err().startsWith("[again is restored, paused as it was from " + file + "]"), ran.err());
    assertTrue(ran.err().contains("[again: stopped by its user, by force]"), ran.err());
    assertEquals(List.of(), directory.names());
  }

  @Test
  void commandLinesThatMakeNoSenseDoNothing() {
    for (String[] arguments :
        new String[][] {
          {"restore"}, {"inspect"}, {"restore", "a", "b"}, {"inspect", file.toString(), "--yaml"}
        }) {
      assertEquals(ExitStatus.USAGE, godwit(arguments).status(), String.join(" ", arguments));
    }
    assertEquals(
        ExitStatus.USAGE, godwit("restore", file.toString(), "--name", "../saved").status());
  }
}
