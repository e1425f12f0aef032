package dev.godwit.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class KeyboardPumpTest {
  private final ByteArrayOutputStream guest = new ByteArrayOutputStream();

  private boolean pump(String typed, boolean escape) throws IOException {
    return KeyboardPump.pump(
        new ByteArrayInputStream(typed.getBytes(StandardCharsets.ISO_8859_1)),
        escape,
        guest::writeBytes);
  }

  @Test
  void theEscapeKeyLeavesAndIsNotTheGuests() throws IOException {
    assertTrue(pump("ls\r\u001Dnever", true));
    assertEquals("ls\r", guest.toString(StandardCharsets.ISO_8859_1));
  }

  @Test
  void ctrlCIsTheGuests() throws IOException {
    assertFalse(pump("\u0003", true));
    assertEquals("\u0003", guest.toString(StandardCharsets.ISO_8859_1));
  }

  @Test
  void withoutATerminalEveryByteIsTheGuests() throws IOException {
    assertFalse(pump("a\u001Db\u00FF", false));
    assertEquals("a\u001Db\u00FF", guest.toString(StandardCharsets.ISO_8859_1));
  }
}
