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
    return arguments(name, "godwit.workset=" + workset, 1);
  }

  /** Returns the arguments that boot it with several vCPUs and a working set on each of them. */
  static List<String> bootArguments(String name, int vcpus) {
    int pagesPerSecond = WORKSET_PAGES_PER_SECOND / vcpus;
    return arguments(
        name,
        "godwit.locks=500 godwit.workset-per-cpu=" + WORKSET_MIB / vcpus + "," + pagesPerSecond,
        vcpus);
  }

  /** Returns the arguments that boot another kernel, with memory for what it brings along. */
  static List<String> bootArguments(String name, GuestAssets assets) {
    return arguments(name, assets, "godwit.workset=16,1000", 1, "384M");
  }

  private static List<String> arguments(String name, String loads, int vcpus) {
    return arguments(name, GuestAssets.prepare(message -> {}), loads, vcpus, MEMORY);
  }

  private static List<String> arguments(
      String name, GuestAssets assets, String loads, int vcpus, String memory) {
    return List.of(
        "run",
        name,
        "--kernel",
        assets.kernel().toString(),
        "--initrd",
        assets.initrd().toString(),
        "--cmdline",
        "console=ttyS0 quiet cryptomgr.notests godwit.heartbeat=100 godwit.registers=1000 " + loads,
        "--memory",
        memory,
        "--cpus",
        Integer.toString(vcpus));
  }
}
