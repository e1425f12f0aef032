package dev.godwit.e2e.bench;

import java.util.Arrays;
import java.util.Locale;

/** What the guest does while it is moved. Contents are random: no page of them compresses. */
enum MigrationScenario {
  /** 512 MiB of random contents at rest. */
  IDLE("512 MiB random, at rest", 1024, 512, "godwit.fill=512", "FILL DONE"),
  /** One word in each of 2,000 pages a second, of 512 MiB. */
  DIRTY_2000("2,000 of 512 MiB's pages/s", 1024, 512, "godwit.dirty=512,2000", "DIRTY pages=0 "),
  /** One word in each of 10,000 pages a second, of 512 MiB. */
  DIRTY_10000("10,000 of 512 MiB's pages/s", 1024, 512, "godwit.dirty=512,10000", "DIRTY pages=0 "),
  /** Every word of 256 MiB, again and again. */
  REWRITE("256 MiB as fast as it can", 1024, 256, "godwit.rewrite=256", "REWRITE pages=0 "),
  /** A large guest that has used little of its RAM. */
  ZERO_4G("4 GiB, mostly zero", 4096, 0, "", "GODWIT-GUEST READY"),
  /** The same with 1 GiB of random contents: for memory at both ends. */
  FILLED_4G("4 GiB, 1 GiB random", 4096, 1024, "godwit.fill=1024", "FILL DONE"),
  /** The fast self-test's. */
  SMALL("48 MiB random, at rest", 256, 48, "godwit.fill=48", "FILL DONE");

  private final String title;
  private final int memoryMib;
  private final long contentMib;
  private final String load;
  private final String loaded;

  MigrationScenario(String title, int memoryMib, long contentMib, String load, String loaded) {
    this.title = title;
    this.memoryMib = memoryMib;
    this.contentMib = contentMib;
    this.load = load;
    this.loaded = loaded;
  }

  /** Returns the scenario of a name as {@link #key} gives it. */
  static MigrationScenario named(String name) {
    return Arrays.stream(values())
        .filter(scenario -> scenario.key().equals(name))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("no scenario " + name + "; there are " + keys()));
  }

  static String keys() {
    return String.join(", ", Arrays.stream(values()).map(MigrationScenario::key).toList());
  }

  /** Returns the name on the command line. */
  String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  String title() {
    return title;
  }

  int memoryMib() {
    return memoryMib;
  }

  /** Returns how much memory its load fills, the kernel's own not counted. */
  long contentBytes() {
    return contentMib << 20;
  }

  /** Returns what the guest says when its memory is as it is to be. */
  String loaded() {
    return loaded;
  }

  /** Returns the kernel's command line. */
  String commandLine(int beatMillis) {
    return ("console=ttyS0 quiet cryptomgr.notests godwit.heartbeat=" + beatMillis + " " + load)
        .strip();
  }
}
