package dev.godwit.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.machine.MachineException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDirectoryTest {
  @TempDir Path folder;

  private RunDirectory directory() {
    return RunDirectory.at(folder.resolve("run"));
  }

  private static void leaveBehind(Path socket) throws IOException {
    ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    dead.bind(UnixDomainSocketAddress.of(socket));
    dead.close(); // the JDK leaves the file
    assertTrue(Files.exists(socket));
  }

  private List<String> files() throws IOException {
    try (var files = Files.list(folder.resolve("run"))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aSocketIsForItsOwnerOnlyAndGoesWithItsServer() throws IOException {
    try (ControlServer server = ControlServer.start(directory(), "alpha", new FakeActions())) {
      assertEquals("alpha", server.name());
      assertEquals(List.of(".lock", "alpha.sock"), files());
      assertEquals(
          "rw-------",
          PosixFilePermissions.toString(
              Files.getPosixFilePermissions(directory().socket("alpha"))));
      assertEquals(
          "rwx------",
          PosixFilePermissions.toString(Files.getPosixFilePermissions(directory().path())));
    }
    assertEquals(List.of(".lock"), files());
  }

  @Test
  void socketsOfDeadProcessesAreNoMachinesAndAreRemoved() throws IOException {
    Files.createDirectory(folder.resolve("run"));
    leaveBehind(directory().socket("dead"));
    try (ControlServer server = ControlServer.start(directory(), "alive", new FakeActions())) {
      assertEquals(List.of(server.name()), directory().names());
    }
    assertEquals(List.of(".lock"), files());
  }

  @Test
  void theNameOfADeadProcessCanBeTaken() throws IOException {
    Files.createDirectory(folder.resolve("run"));
    leaveBehind(directory().socket("alpha"));
    leaveBehind(folder.resolve("run/.999999.sock"));
    try (ControlServer server = ControlServer.start(directory(), "alpha", new FakeActions())) {
      assertTrue(directory().isAlive(server.name()));
      assertEquals(List.of(".lock", "alpha.sock"), files());
    }
  }

  @Test
  void aNameInUseIsRefusedAndItsOwnerIsNotDisturbed() {
    try (ControlServer first = ControlServer.start(directory(), "alpha", new FakeActions())) {
      ControlException e =
          assertThrows(
              ControlException.class,
              () -> ControlServer.start(directory(), "alpha", new FakeActions()));
      assertEquals(ControlException.Code.NAME_IN_USE, e.code());
      try (ControlClient client = ControlClient.connect(directory(), first.name())) {
        assertEquals("alpha", client.status().name());
      }
    }
  }

  @Test
  void ofManyThatWantOneNameExactlyOneGetsIt() throws Exception {
    int rivals = 8;
    CountDownLatch ready = new CountDownLatch(rivals);
    try (ExecutorService executor = Executors.newFixedThreadPool(rivals)) {
      List<Future<ControlServer>> attempts = new ArrayList<>();
      for (int i = 0; i < rivals; i++) {
        attempts.add(
            executor.submit(
                () -> {
                  ready.countDown();
                  ready.await();
                  return ControlServer.start(directory(), "alpha", new FakeActions());
                }));
      }
      List<ControlServer> winners = new ArrayList<>();
      for (Future<ControlServer> attempt : attempts) {
        try {
          winners.add(attempt.get());
        } catch (ExecutionException e) {
          ControlException refusal =
              assertInstanceOf(ControlException.class, Objects.requireNonNull(e.getCause()));
          assertEquals(ControlException.Code.NAME_IN_USE, refusal.code());
        }
      }
      assertEquals(1, winners.size());
      winners.getFirst().close();
    }
  }

  @Test
  void aNameGivenUpAndTakenAnewSurvivesTheOldServersEnd() {
    ControlServer first = ControlServer.start(directory(), "alpha", new FakeActions());
    first.abandon();
    try (ControlServer second = ControlServer.start(directory(), "alpha", new FakeActions())) {
      first.close();
      assertEquals(List.of(second.name()), directory().names());
    }
  }

  @Test
  void aRenamedServerAnswersToItsNewNameOnly() throws IOException {
    try (ControlServer receiver = ControlServer.start(directory(), "receive", new FakeActions());
        ControlServer other = ControlServer.start(directory(), "beta", new FakeActions())) {
      assertThrows(ControlException.class, () -> receiver.rename(other.name()));
      assertEquals("receive", receiver.name());
      receiver.rename("alpha");
      assertEquals(List.of("alpha", "beta"), directory().names());
      try (ControlClient client = ControlClient.connect(directory(), "alpha")) {
        assertEquals(42, client.status().guestNanos());
      }
      assertFalse(directory().isAlive("receive"));
    }
    assertEquals(List.of(".lock"), files());
  }

  @Test
  void aFolderThatOthersMayWriteToIsRefused() throws IOException {
    Path open = Files.createDirectory(folder.resolve("run"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    ControlException e =
        assertThrows(
            ControlException.class,
            () -> ControlServer.start(directory(), "alpha", new FakeActions()));
    assertEquals(ControlException.Code.HOST_REFUSED, e.code());
  }

  @Test
  void namesThatAreNoFileNamesAreRefused() {
    assertThrows(MachineException.class, () -> directory().socket("../alpha"));
    assertThrows(MachineException.class, () -> directory().isAlive(".hidden"));
  }

  @Test
  void aPathTooLongForASocketIsRefusedByName() {
    RunDirectory deep = RunDirectory.at(folder.resolve("x".repeat(90)));
    ControlException e = assertThrows(ControlException.class, () -> deep.socket("alpha"));
    assertEquals(ControlException.Code.HOST_REFUSED, e.code());
  }

  @Test
  void theFolderIsWhereTheEnvironmentSays() {
    assertEquals(Path.of("/r"), RunDirectory.defaultPath(Map.of("GODWIT_RUN_DIR", "/r"), 0));
    assertEquals(
        Path.of("/run/godwit"), RunDirectory.defaultPath(Map.of("XDG_RUNTIME_DIR", "/x"), 0));
    assertEquals(
        Path.of("/x/godwit"), RunDirectory.defaultPath(Map.of("XDG_RUNTIME_DIR", "/x"), 7));
    assertEquals(
        Path.of("/tmp/godwit-7"), RunDirectory.defaultPath(Map.of("XDG_RUNTIME_DIR", "x"), 7));
  }
}
