package dev.godwit.guest;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The real assets, from Debian, in the user's cache: a network is needed where that is empty. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
final class GuestAssetsTest {
  private static final int BOOT_SIGNATURE_AT = 0x202;

  @Test
  void preparesAStockKernelAndAnInitramfsThatBusyboxCanRead() throws IOException {
    List<String> steps = new ArrayList<>();
    GuestAssets assets = GuestAssets.prepare(steps::add);

    byte[] kernel = Files.readAllBytes(assets.kernel());
    assertEquals("HdrS", new String(kernel, BOOT_SIGNATURE_AT, 4, US_ASCII));
    assertTrue(assets.kernelVersion().endsWith("-cloud-amd64"), assets.kernelVersion());

    Path busybox = assets.initrd().resolveSibling("busybox");
    HostCommand.Result listed =
        HostCommand.run(
            GuestAssets.defaultFolder(),
            List.of(
                busybox.toString(),
                "sh",
                "-c",
                "exec \"$0\" cpio -t -v <\"$1\"",
                busybox.toString(),
                assets.initrd().toString()));
    assertTrue(listed.ok(), listed.complaint());
    List<String> lines = listed.output().lines().toList();
    for (String wanted :
        List.of(
            "init -> bin/godwit-guest",
            "bin/sh -> busybox",
            "bin/poweroff -> busybox",
            "dev/console",
            "proc")) {
      assertTrue(
          lines.stream().anyMatch(line -> line.endsWith(wanted)),
          wanted + " in " + listed.output());
    }
  }

  @Test
  void findsTheKernelsModulesInThePackage() {
    GuestAssets assets = GuestAssets.prepare(Progress.SILENT);

    assertTrue(
        DebArchive.find(assets.kernelPackage(), path -> path.endsWith("/virtio_blk.ko"))
            .isPresent());
  }
}
