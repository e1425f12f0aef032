import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The format step of the gate: brings every Java source into google-java-format's shape, or tells
 * which are not. It is a program of its own, run by Maven on the JDK 25 of the build, because a
 * formatter that runs inside Maven parses with Maven's JDK, which may be too old to know Java 25.
 *
 * <p>Usage: {@code Format check|apply ROOT PART}, where PART is a file or folder below ROOT ({@code
 * .} for all). Exit status: 0 all is well, 1 some file is not formatted (or cannot be parsed), 2
 * wrong usage.
 */
final class Format {

  public static void main(String[] args) throws IOException {
    if (args.length != 3 || !List.of("check", "apply").contains(args[0])) {
      System.err.println(
          "usage: Format check|apply ROOT PART (got: " + String.join(" ", args) + ")");
      System.exit(2);
    }
    boolean apply = args[0].equals("apply");
    Path root = Path.of(args[1]).normalize();
    Path part = root.resolve(args[2]).normalize();
    List<String> problems =
        sources(root, part).parallelStream()
            .flatMap(file -> format(root, file, apply))
            .sorted()
            .toList();
    if (!problems.isEmpty()) {
      problems.forEach(System.err::println);
      System.err.println("To format: mvn -q -o -N verify -Dformat=apply [-Dformat.part=FOLDER]");
      System.exit(1);
    }
  }

  /**
   * The project's own Java files: not those that a build generates, nor those of other worktrees.
   */
  private static List<Path> sources(Path root, Path part) throws IOException {
    try (Stream<Path> children = Files.list(root)) {
      return children
          .filter(child -> Files.exists(child.resolve("pom.xml")) || child.endsWith("build"))
          .flatMap(Format::javaFiles)
          .filter(file -> file.startsWith(part))
          .toList();
    }
  }

  private static Stream<Path> javaFiles(Path module) {
    try (Stream<Path> files = Files.walk(module)) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> !module.relativize(file).startsWith("target"))
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns what is wrong with one file: nothing, or one line. */
  private static Stream<String> format(Path root, Path file, boolean apply) {
    try {
      String text = Files.readString(file);
      String formatted = new Formatter().formatSourceAndFixImports(text);
      if (formatted.equals(text)) {
        return Stream.of();
      }
      if (apply) {
        Files.writeString(file, formatted);
        return Stream.of();
      }
      return Stream.of("not formatted: " + root.relativize(file));
    } catch (FormatterException | IOException e) {
      return Stream.of("cannot format: " + root.relativize(file) + ": " + e.getMessage());
    }
  }
}
