package dev.godwit.cli;

import dev.godwit.cli.host.Endpoint;
import dev.godwit.cli.host.MachineHost;
import dev.godwit.cli.host.PcAssembler;
import dev.godwit.cli.host.Reception;
import dev.godwit.cli.host.Rehearsal;
import dev.godwit.control.ControlClient;
import dev.godwit.control.MigrateOrder;
import dev.godwit.control.RunDirectory;
import dev.godwit.control.TransferEvent;
import dev.godwit.dest.Received;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.logging.LogManager;

/**
 * The training run for the JVM's ahead-of-time cache (JEP 483, 515): the launcher starts it once
 * after each build, and what it loads and calls starts fast from then on. It does nothing that a
 * user could see: it prints the usage to nowhere, moves small machines to itself, and loads the
 * project's classes without initialising them.
 */
public final class StartupTraining {

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private StartupTraining() {}

  /**
   * Runs the training; a failure leaves the launcher without a cache, which is slower but right.
   */
  public static void main(String[] args) throws Exception {
    Main.commandLine(RunDirectory::ofUser).usage(new PrintWriter(new StringWriter()));
    LogManager.getLogManager().reset();
    migrateOnce();
    new Rehearsal(new PcAssembler(), "soft", Main.version()).run(Rehearsal.TIMES, () -> false);
    loadOwnClasses();
  }

  /**
   * A small machine, paused, moves from one process to another, both of them this one: what a first
   * migration needs is loaded and has run once. Otherwise that would be part of its downtime.
   */
  private static void migrateOnce() throws Exception {
    Path folder = Files.createTempDirectory("godwit-training");
    RunDirectory directory = RunDirectory.at(folder);
    String version = Main.version();
    PcAssembler assembler = new PcAssembler();
    try (Reception reception =
            new Reception(new Endpoint("127.0.0.1", 0), "arrived", assembler, "soft", version);
        MachineHost destination = MachineHost.open(directory, "arrived", version);
        MachineHost source = MachineHost.open(directory, "training", version)) {
      CompletableFuture<Received> outcome = reception.outcome();
      reception.host(destination);
      source.adopt(Rehearsal.smallMachine(assembler, "training", "soft"));
      try (ControlClient client = ControlClient.connect(directory, "training")) {
        Json.line(client.status());
        TransferEvent end =
            client.migrate(
                new MigrateOrder(
                    reception.listening().toString(),
                    PATIENCE,
                    PATIENCE,
                    0,
                    "auto",
                    true,
                    "abort",
                    0,
                    0,
                    MigrateOrder.DEFAULT_DELTA_CACHE_BYTES),
                TransferText::line);
        TransferText.line(end);
      }
      outcome.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      destination.stop(true, PATIENCE);
    } finally {
      Files.deleteIfExists(folder.resolve(".lock"));
      Files.deleteIfExists(folder);
    }
  }

  private static void loadOwnClasses() {
    List.of(System.getProperty("java.class.path", "").split(File.pathSeparator)).stream()
        .filter(entry -> entry.endsWith(".jar"))
        .forEach(StartupTraining::loadOwnClasses);
  }

  private static void loadOwnClasses(String jarPath) {
    try (JarFile jar = new JarFile(jarPath)) {
      jar.stream()
          .map(JarEntry::getName)
          .filter(name -> name.startsWith("dev/godwit/") && name.endsWith(".class"))
          .map(name -> name.substring(0, name.length() - ".class".length()).replace('/', '.'))
          .forEach(StartupTraining::load);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void load(String className) {
    try {
      Class.forName(className, false, StartupTraining.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      throw new IllegalStateException("a jar of the class path is broken: " + className, e);
    }
  }
}
