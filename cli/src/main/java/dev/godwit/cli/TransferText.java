package dev.godwit.cli;

import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Downtime;
import dev.godwit.control.TransferEvent.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Events of a migration or snapshot in words. */
final class TransferText {
  private static final double MILLIS_PER_SECOND = 1000;
  private static final double MICROS_PER_MILLI = 1000;

  private TransferText() {}

  /** Returns an event as one line. */
  static String line(TransferEvent event) {
    return switch (event.phase()) {
      case CONNECTING, PREFLIGHT -> event.phase().text() + " " + event.target();
      case WAITING ->
          "waiting: the machine stands here, whole, until it is known whether "
              + event.target()
              + " runs it ("
              + event.error()
              + ")";
      case DONE -> done(event);
      case FAILED, CANCELLED -> event.phase().text() + ": " + event.error();
      case PRECOPY, STOP_AND_COPY, COMMIT, UNKNOWN -> moving(event);
    };
  }

  private static String moving(TransferEvent event) {
    String line =
        String.format(
            Locale.ROOT,
            "%s  round %d  %d pages  %s/s  %d left  %.0f dirty/s",
            event.phase().text(),
            event.round(),
            event.pagesSent(),
            ByteSize.text(event.bytesPerSecond()),
            event.remainingPages(),
            event.dirtyPagesPerSecond());
    if (event.throttlePercent() > 0) {
      line += String.format(Locale.ROOT, "  throttled %d %%", event.throttlePercent());
    }
    TransferEvent.Saved saved = event.saved();
    if (saved != null && saved.deltaBytes() > 0) {
      line += "  saved " + ByteSize.text(saved.deltaBytes());
    }
    return event.expectedDowntimeMillis() > 0
        ? line + String.format(Locale.ROOT, "  pause %.0f ms", event.expectedDowntimeMillis())
        : line;
  }

  private static String done(TransferEvent event) {
    Downtime downtime = event.downtime();
    return String.format(
        Locale.ROOT,
        "%s %s in %.1f s: %d rounds, %d pages (%d zero), %s%s",
        event.kind() == TransferEvent.Kind.MIGRATE ? "migrated to" : "saved to",
        event.target(),
        event.elapsedMillis() / MILLIS_PER_SECOND,
        event.round() + 1,
        event.pagesSent(),
        event.zeroPages(),
        ByteSize.text(event.bytesSent()),
        downtime == null
            ? ""
            : String.format(Locale.ROOT, ", paused %.1f ms", millis(downtime.totalMicros())));
  }

  /** Returns the pause by part, a line each. */
  static List<String> downtime(Downtime downtime) {
    List<String> lines = new ArrayList<>();
    lines.add(part("downtime", downtime.totalMicros()));
    lines.add(part("  lock all vCPUs", downtime.lockMicros()));
    lines.add(part("  last pages", downtime.lastPagesMicros()));
    lines.add(part("  devices and CPUs", downtime.devicesMicros()));
    lines.add(part("  commit", downtime.commitMicros()));
    return lines;
  }

  /** Returns what was spared, and how well the pause was foreseen, a line each. */
  static List<String> accounts(TransferEvent event) {
    List<String> lines = new ArrayList<>();
    Downtime downtime = event.downtime();
    if (downtime != null) {
      lines.add(part("expected", Math.round(event.expectedDowntimeMillis() * MICROS_PER_MILLI)));
    }
    TransferEvent.Saved saved = event.saved();
    if (saved != null && saved.deltaPages() > 0) {
      lines.add(
          String.format(
              Locale.ROOT,
              "not sent: %s of %d pages that changed little or not",
              ByteSize.text(saved.deltaBytes()),
              saved.deltaPages()));
    }
    if (saved != null && saved.heldPages() > 0) {
      lines.add(
          String.format(
              Locale.ROOT,
              "not sent: %s of pages that were held back to the end",
              ByteSize.text(saved.heldBytes())));
    }
    return lines;
  }

  private static String part(String label, long micros) {
    return String.format(Locale.ROOT, "%-20s %9.2f ms", label, millis(micros));
  }

  /** Says whether an event should be a line of its own where lines are not overwritten. */
  static boolean isNews(TransferEvent before, TransferEvent now) {
    return before.phase() != now.phase()
        || (now.phase() == Phase.PRECOPY && before.round() != now.round());
  }

  private static double millis(long micros) {
    return micros / MICROS_PER_MILLI;
  }
}
