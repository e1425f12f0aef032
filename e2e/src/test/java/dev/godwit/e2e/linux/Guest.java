package dev.godwit.e2e.linux;

import dev.godwit.guest.GuestAssets;
import java.util.List;

/** The guest that the tests boot: a stock kernel with its witnesses running. */
final class Guest {
  /** Its RAM: the working set, the kernel and some air. */
  static final String MEMORY = "192M";

  /** Pages a second that the working set rewrites, so that migrations converge. */
  private static final int WORKSET_PAGES_PER_SECOND = 4000;

  private static final int WORKSET_MIB = 64;

  private Guest() {}

  /** Returns the arguments that boot it under a name. */
  static List<String> bootArguments(String name) {
    return bootArguments(name, WORKSET_MIB + "," + WORKSET_PAGES_PER_SECOND);
  }

  /** As above with another {@code godwit.workset}. */
  static List<String> bootArguments(String name, String workset) {
    GuestAssets assets = GuestAssets.prepare(message -> {});
    return List.of(
        "run",
        name,
        "--kernel",
        assets.kernel().toString(),
        "--initrd",
        assets.initrd().toString(),
        "--cmdline",
        "console=ttyS0 quiet cryptomgr.notests godwit.heartbeat=100 godwit.registers=1000"
            + " godwit.workset="
            + workset,
        "--memory",
        MEMORY);
  }
}
