package dev.godwit.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class HostCommandTest {
  @Test
  void saysWhatToInstallForAMissingProgram() {
    GuestException refused =
        assertThrows(
            GuestException.class,
            () -> HostCommand.require("no-such-program-of-godwit", "apt-get install nothing"));

    assertEquals(GuestException.Code.TOOL_MISSING, refused.code());
    assertTrue(refused.toString().contains("apt-get install nothing"));
  }

  @Test
  void keepsStatusOutputAndComplaint() {
    HostCommand.Result result =
        HostCommand.run(Path.of("/"), List.of("sh", "-c", "echo out; echo bad >&2; exit 3"));

    assertEquals(3, result.status());
    assertEquals("out\n", result.output());
    assertEquals("bad", result.complaint());
  }

  @Test
  void survivesAProgramThatSaysMoreThanAPipeHolds() {
    HostCommand.Result result =
        HostCommand.run(
            Path.of("/"),
            List.of("sh", "-c", "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero"));

    assertEquals(300_000, result.output().length());
    assertEquals(300_000, result.error().length());
  }
}
