package dev.godwit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.memory.PageSet;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The launcher's {@code compiler.json} means to this JVM what it says. */
class CompilerDirectivesTest {
  private static final Path FILE = Path.of("src/main/launcher/compiler.json").toAbsolutePath();
  private static final Pattern OWN = Pattern.compile("\"(dev/godwit/[^\"]*)\\.\\*\"");

  /**
   * Methods are compiled here at the level of the optimizing compiler; a loop while it runs, too.
   */
  private static boolean optimizes(String className, List<String> lines) {
    Pattern line = Pattern.compile(".* 4 +" + Pattern.quote(className) + "::.*");
    return lines.stream().anyMatch(text -> line.matcher(text).matches());
  }

  @Test
  void whatExecutesGuestsIsOptimizedAndWhatMovesThemIsNot() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:CompilerDirectivesFile=" + FILE,
                "-Xlog:jit+compilation=debug",
                "-cp",
                System.getProperty("java.class.path"),
                WorkToCompile.class.getName())
            .redirectErrorStream(true)
            .start();
    List<String> lines = process.inputReader().lines().toList();
    assertEquals(0, process.waitFor(), () -> String.join("\n", lines));
    assertTrue(lines.contains("3 compiler directives added"), () -> String.join("\n", lines));
    assertTrue(optimizes(PageSet.class.getName(), lines), () -> String.join("\n", lines));
    assertFalse(optimizes(WorkToCompile.class.getName(), lines), () -> String.join("\n", lines));
  }

  /** A class that was renamed would silently be treated as all others are. */
  @Test
  void eachOwnPatternMatchesAClass() throws Exception {
    List<String> classes = ownClasses();
    Matcher patterns = OWN.matcher(Files.readString(FILE));
    int found = 0;
    while (patterns.find()) {
      String pattern = patterns.group(1);
      boolean open = pattern.endsWith("*");
      String name = open ? pattern.substring(0, pattern.length() - 1) : pattern;
      assertTrue(
          classes.stream().anyMatch(c -> open ? c.startsWith(name) : c.equals(name)), pattern);
      found++;
    }
    assertTrue(found > 10, "only " + found + " patterns were found");
  }

  private static List<String> ownClasses() throws IOException {
    List<String> classes = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(":", -1)) {
      Path path = Path.of(entry);
      if (Files.isDirectory(path)) {
        addClasses(path, classes);
      } else if (entry.endsWith(".jar")) {
        try (FileSystem jar = FileSystems.newFileSystem(path)) {
          addClasses(jar.getPath("/"), classes);
        }
      }
    }
    return classes;
  }

  private static void addClasses(Path root, List<String> classes) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      files
          .map(file -> root.relativize(file).toString())
          .filter(name -> name.endsWith(".class"))
          .map(name -> name.substring(0, name.length() - ".class".length()))
          .forEach(classes::add);
    }
  }
}
