package dev.godwit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.control.RunDirectory;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MainTest {

  @Test
  void refusesToDoNothingWithAUsageError() {
    StringWriter err = new StringWriter();
    CommandLine commandLine =
        Main.commandLine(() -> RunDirectory.at(Path.of("/nonexistent")))
            .setErr(new PrintWriter(err, true));

    assertEquals(ExitStatus.USAGE.code(), commandLine.execute());
    assertEquals("godwit: no command given", err.toString().lines().findFirst().orElse(""));
  }
}
