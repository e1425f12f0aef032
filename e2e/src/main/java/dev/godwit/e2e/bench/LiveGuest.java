package dev.godwit.e2e.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A guest that runs on one of the systems, and how that moves it. One thread. */
sealed interface LiveGuest extends AutoCloseable permits GodwitGuest, QemuGuest {
  /** How long a boot with its load may take. */
  long BOOT_SECONDS = 180;

  /**
   * What the system itself says about a migration.
   *
   * @param failure why the guest is still where it was; null if it moved
   * @param totalMillis from the beginning to the end
   * @param downtimeMillis the pause
   * @param bytes sent
   * @param parts what else it says, by name
   */
  record Moved(
      @Nullable String failure,
      double totalMillis,
      double downtimeMillis,
      long bytes,
      Map<String, Double> parts) {

    static Moved failed(String why) {
      return new Moved(why, Double.NaN, Double.NaN, 0, Map.of());
    }
  }

  /** Returns the file for what the processes complain about. */
  static Path log() throws IOException {
    return Files.createDirectories(Path.of("target")).resolve("migration-benchmark.log");
  }

  /** Returns what the guest says, wherever it is. */
  ConsoleWitness console();

  /** Returns the process that runs it now. */
  Process source();

  /** Lets it stand, so that it takes no CPU time from another one that is measured. */
  void pause() throws IOException;

  /** Lets it go on. */
  void resume() throws IOException;

  /**
   * Starts a destination, which waits for the guest when this returns.
   *
   * @param setting how it is to be moved, by a name that the system knows
   */
  Process prepare(String setting) throws IOException, InterruptedException;

  /** Moves it to the destination. Blocks until the system says that this is over. */
  Moved move() throws IOException, InterruptedException;

  /** Ends the process which does not run the guest now: the source, or a destination in vain. */
  void settle(boolean moved) throws IOException, InterruptedException;

  @Override
  void close() throws IOException;
}
