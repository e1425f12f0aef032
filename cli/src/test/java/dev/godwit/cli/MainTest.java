package dev.godwit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MainTest {

  @Test
  void refusesToDoNothingWithAUsageError() {
    StringWriter err = new StringWriter();
    CommandLine commandLine = new CommandLine(new Main()).setErr(new PrintWriter(err, true));

    assertEquals(CommandLine.ExitCode.USAGE, commandLine.execute());
    assertEquals("godwit: no command given", err.toString().lines().findFirst().orElse(""));
  }
}
