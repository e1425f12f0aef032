package dev.godwit.e2e.chaos;

import dev.godwit.e2e.relay.Boundary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.LongStream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * Bugs that are put into the program on purpose, to prove that the oracle finds them: one of its
 * sources is changed and compiled, and takes the place of the true class in the processes under
 * test.
 */
enum PlantedBug {
  /** The source runs the machine again when the answer to COMMIT got lost. */
  RESUMES_WHEN_RUNNING_IS_LOST(
      Boundary.reply("Commit"),
      "source-side",
      "dev/godwit/source/SourceState",
      "case Event.Answered(HandoverAnswer.Unknown answer) -> new Asking(attempt, answer.reason());",
      "case Event.Answered(HandoverAnswer.Unknown answer) -> new"
          + " Kept(MigrationException.Code.PEER_LOST, answer.reason());"),
  /** A page that the guest has dirtied again is left out. */
  LOSES_A_DIRTY_PAGE(
      Boundary.request("Release"),
      "source-side",
      "dev/godwit/source/PreCopy",
      "    pending.addAll(found);\n",
      "    found.remove(Math.max(0, found.next(0x400)));\n    pending.addAll(found);\n"),
  /** The destination says that it gave the machine up, and keeps it. */
  KEEPS_WHAT_IT_GAVE_UP(
      Boundary.receipt("round 0"),
      "dest-side",
      "dev/godwit/dest/Incoming",
      "lock.destroyMachine(StopReason.DESTROYED, why);",
      ""),
  /** Each reception leaves threads and descriptors behind, which nobody sees before the end. */
  LEAKS_NETWORK_THREADS(
      Boundary.reply("Release"),
      "dest-side",
      "dev/godwit/dest/MigrationServer",
      "network.shutdownGracefully(0, 1, TimeUnit.SECONDS);",
      "");

  private final Boundary where;
  private final String module;
  private final String type;
  private final String right;
  private final String wrong;

  PlantedBug(Boundary where, String module, String type, String right, String wrong) {
    this.where = where;
    this.module = module;
    this.type = type;
    this.right = right;
    this.wrong = wrong;
  }

  /** Returns those of the fixed seeds that are tried, the likely ones first. */
  long[] seeds() {
    long[] all = ChaosPlan.covering();
    return LongStream.concat(
            LongStream.of(all).filter(this::isLikely),
            LongStream.of(all).filter(seed -> !isLikely(seed)))
        .toArray();
  }

  private boolean isLikely(long seed) {
    return ChaosPlan.of(seed).steps().stream().anyMatch(step -> where.equals(step.boundary()));
  }

  /**
   * Compiles the changed source; returns the folder of its classes.
   *
   * @throws IOException if the source is not as this class knows it
   */
  Path plant(Path folder) throws IOException {
    Path home = Path.of(System.getProperty("godwit.home", "."));
    Path source = home.resolve(module).resolve("src/main/java").resolve(type + ".java");
    String text = Files.readString(source);
    if (!text.contains(right)) {
      throw new IOException(source + " has changed: " + this + " finds nothing to spoil");
    }
    Path changed = folder.resolve("planted").resolve(type + ".java");
    Files.createDirectories(changed.getParent());
    Files.writeString(changed, text.replace(right, wrong));
    Path classes = Files.createDirectories(folder.resolve("planted-classes"));
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    int status =
        compiler.run(
            null,
            null,
            null,
            "-proc:none",
            "-nowarn",
            "-d",
            classes.toString(),
            "-cp",
            System.getProperty("java.class.path"),
            changed.toString());
    if (status != 0) {
      throw new IOException("the changed " + source + " does not compile");
    }
    return classes;
  }
}
