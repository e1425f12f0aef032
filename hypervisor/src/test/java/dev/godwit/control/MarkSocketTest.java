package dev.godwit.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MarkSocketTest {
  private static final byte[] SECRET = "sixteen bytes 01".getBytes(StandardCharsets.UTF_8);
  private static final byte[] OTHER = "sixteen bytes 02".getBytes(StandardCharsets.UTF_8);

  @TempDir Path folder;

  private RunDirectory directory() {
    return RunDirectory.at(folder.resolve("run"));
  }

  private boolean isProven() {
    return MarkSocket.isLeftBehind(directory(), SECRET);
  }

  private Path only() throws IOException {
    List<Path> marks = directory().marks();
    assertEquals(1, marks.size());
    return marks.getFirst();
  }

  /** As its process's death: the listener is gone, the name stays. */
  private Path leaveBehind(byte[] secret) throws IOException {
    MarkSocket.place(directory(), secret).abandon();
    return only();
  }

  @Test
  void aMarkProvesSomethingOnlyOnceNobodyListens() {
    MarkSocket mark = MarkSocket.place(directory(), SECRET);
    assertFalse(isProven());
    mark.abandon();
    assertTrue(isProven());
    assertFalse(MarkSocket.isLeftBehind(directory(), OTHER));
    assertTrue(isProven(), "asking changes nothing");
  }

  @Test
  void aMarkThatWasTakenAwayProvesNothing() throws IOException {
    MarkSocket mark = MarkSocket.place(directory(), SECRET);
    mark.remove();
    assertFalse(isProven());
    assertEquals(List.of(), directory().marks());
  }

  @Test
  void aMarkThatIsNotThereCannotBeTakenAway() throws IOException {
    MarkSocket mark = MarkSocket.place(directory(), SECRET);
    Path moved = Files.move(directory().path(), folder.resolve("moved"));
    ControlException e = assertThrows(ControlException.class, mark::remove);
    assertEquals(ControlException.Code.HOST_REFUSED, e.code());
    mark.abandon();
    assertTrue(MarkSocket.isLeftBehind(RunDirectory.at(moved), SECRET), "that is why");
  }

  @Test
  void aProcessIsAliveWhateverWaitsAtItsSocket() throws Exception {
    MarkSocket mark = MarkSocket.place(directory(), SECRET);
    for (int i = 0; i < 2000; i++) {
      try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
        channel.configureBlocking(false);
        channel.connect(UnixDomainSocketAddress.of(only()));
      } catch (IOException e) {
        break; // its backlog is full
      }
    }
    assertThrows(IOException.class, () -> RunDirectory.refuses(only()), "its backlog is not full");
    assertFalse(isProven());
    mark.remove();
  }

  @Test
  void aMarkOfAnotherBootProvesNothing() {
    MarkSocket.place(directory(), SECRET, "yesterday").abandon();
    assertFalse(isProven());
    assertTrue(MarkSocket.isLeftBehind(directory(), SECRET, "yesterday"));
  }

  @Test
  void whatIsNoSocketOrAnotherOneProvesNothing() throws IOException {
    Path mark = leaveBehind(SECRET);
    Path kept = folder.resolve("kept"); // so that its inode is not used again
    Files.move(mark, kept);
    Files.createFile(mark);
    assertFalse(isProven(), "a file");
    try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      other.bind(UnixDomainSocketAddress.of(folder.resolve("other")));
    }
    Files.move(folder.resolve("other"), mark, StandardCopyOption.REPLACE_EXISTING);
    assertFalse(isProven(), "a copy");
    Files.move(kept, mark, StandardCopyOption.REPLACE_EXISTING);
    assertTrue(isProven());
  }

  @Test
  void aLinkInAnotherFolderProvesNothing() throws IOException {
    MarkSocket mark = MarkSocket.place(directory(), SECRET);
    Path linked = Files.createDirectory(folder.resolve("linked"));
    Files.createLink(linked.resolve(only().getFileName()), only());
    mark.remove();
    mark.abandon();
    assertFalse(MarkSocket.isLeftBehind(RunDirectory.at(linked), SECRET));
  }

  @Test
  void nothingOfTheSecretCanBeRead() throws IOException {
    MarkSocket.place(directory(), SECRET).abandon();
    String name = only().toString();
    assertFalse(name.contains(HexFormat.of().formatHex(SECRET)), name);
    assertFalse(name.contains(new String(SECRET, StandardCharsets.UTF_8)), name);
  }

  @Test
  void marksGoWhenTheyAreNeededNoMore() throws IOException {
    Path mark = leaveBehind(SECRET);
    MarkSocket.clear(directory(), OTHER);
    assertTrue(Files.exists(mark));
    MarkSocket.clear(directory(), SECRET);
    assertEquals(List.of(), directory().marks());
    Path old = leaveBehind(SECRET);
    MarkSocket alive = MarkSocket.place(directory(), OTHER);
    for (Path each : directory().marks()) {
      Files.setLastModifiedTime(each, FileTime.from(Instant.now().minus(Duration.ofDays(8))));
    }
    MarkSocket.place(directory(), "a third".getBytes(StandardCharsets.UTF_8)).remove();
    assertFalse(Files.exists(old));
    alive.remove();
  }

  @Test
  void aMarkOfALivingProcessIsNotCleared() throws IOException {
    MarkSocket mark = MarkSocket.place(directory(), SECRET);
    MarkSocket.clear(directory(), SECRET);
    assertEquals(1, directory().marks().size());
    mark.remove();
  }

  @Test
  void aMarkIsNoMachine() throws IOException {
    MarkSocket mark = MarkSocket.place(directory(), SECRET);
    assertEquals(List.of(), directory().names());
    ControlServer.start(directory(), "alpha", new FakeActions()).close();
    assertTrue(Files.exists(only()), "another process's start removed it");
    mark.remove();
  }

  @Test
  void aStoppedProcessIsNotDeadAndAKilledOneIs() throws Exception {
    Process process =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElse("java"),
                "-cp",
                System.getProperty("java.class.path"),
                MarkedProcess.class.getName(),
                directory().path().toString(),
                new String(SECRET, StandardCharsets.UTF_8))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (BufferedReader said =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertEquals("marked", said.readLine());
      assertFalse(isProven());
      new ProcessBuilder("kill", "-STOP", Long.toString(process.pid())).start().waitFor();
      for (int i = 0; i < 300; i++) {
        assertFalse(isProven());
      }
    } finally {
      process.destroyForcibly().waitFor();
    }
    assertTrue(isProven());
  }
}
