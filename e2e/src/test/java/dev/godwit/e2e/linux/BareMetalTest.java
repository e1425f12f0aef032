package dev.godwit.e2e.linux;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Test programs without any operating system, as users run them. */
class BareMetalTest {
  private static final String NAME = "bare";

  /** Prints, by port E9h, the text that {@code %esi} points to behind the code; ends with 10h. */
  private static final byte[] PROGRAM =
      HexFormat.ofDelimiter(" ")
          .parseHex("be 14 00 10 00 8a 06 84 c0 74 05 e6 e9 46 eb f5 b0 10 e6 f4");

  @TempDir Path folder;

  private Path image() throws IOException {
    ByteArrayOutputStream image = new ByteArrayOutputStream();
    image.writeBytes(PROGRAM);
    image.writeBytes("it runs\n\0".getBytes(US_ASCII));
    return Files.write(folder.resolve("image"), image.toByteArray());
  }

  @Test
  void aFlatImageRunsAndTheCommandExitsWithItsStatus() throws Exception {
    try (Host host = new Host("flat")) {
      Host.Done done =
          host.run(
              "run",
              NAME,
              "--kernel",
              image().toString(),
              "--kernel-format",
              "flat",
              "--memory",
              "16M",
              "--debug-ports");
      assertEquals(33, done.status(), done.out() + done.err());
      assertTrue(done.out().contains("it runs"), done.out());
      assertEquals(List.of(), host.leftovers());
    }
  }

  @Test
  void whatSaysNotThatItIsAKernelIsRefusedUnlessAskedFor() throws Exception {
    try (Host host = new Host("junk")) {
      Host.Done done = host.run("run", NAME, "--kernel", image().toString(), "--memory", "16M");
      assertEquals(1, done.status(), done.out() + done.err());
      assertTrue(done.err().contains("is no kernel for x86"), done.err());
      assertTrue(done.err().contains("--kernel-format flat"), done.err());
      assertEquals(List.of(), host.leftovers());
    }
  }
}
