package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import dev.godwit.control.MigrateOrder;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code godwit migrate --to HOST:PORT NAME}. */
@Command(
    name = "migrate",
    description = {
      "Moves a running machine to a 'godwit receive', while it runs.",
      "Ctrl-C cancels: the machine goes on here."
    })
final class MigrateCommand extends MachineCommand {
  @Option(
      names = "--to",
      required = true,
      paramLabel = "HOST:PORT",
      description = "Where a 'godwit receive' listens.")
  String to;

  @Option(
      names = "--max-downtime",
      paramLabel = "TIME",
      defaultValue = "50ms",
      converter = TimeSpan.class,
      description = "The pause that is allowed. Default: ${DEFAULT-VALUE}.")
  Duration maxDowntime;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      defaultValue = "10m",
      converter = TimeSpan.class,
      description =
          "Give up when the guest has not let it come to an end by then. Default:"
              + " ${DEFAULT-VALUE}.")
  Duration timeout;

  @Option(
      names = "--on-timeout",
      paramLabel = "abort|stop|throttle",
      defaultValue = "abort",
      description =
          "What happens then: the migration is given up, the machine is moved however long it has"
              + " to stand still, or its CPUs are slowed down until it can be moved, which begins"
              + " as soon as it is seen that nothing is gained otherwise. Default:"
              + " ${DEFAULT-VALUE}.")
  String onTimeout;

  @Option(
      names = "--max-throttle",
      paramLabel = "PERCENT",
      defaultValue = "99",
      description = "How much of its CPUs' time throttling may take. Default: ${DEFAULT-VALUE}.")
  int maxThrottle;

  @Option(
      names = "--bandwidth",
      paramLabel = "SIZE",
      defaultValue = "0",
      converter = ByteSize.class,
      description = "Send at most that many bytes a second while the guest runs; 0: no limit.")
  long bandwidth;

  @Option(
      names = "--compression",
      paramLabel = "auto|on|off",
      defaultValue = "auto",
      description = "LZ4 for pages: auto while it gains time. Default: ${DEFAULT-VALUE}.")
  String compression;

  @Option(
      names = "--streams",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Connections that carry pages, 1 to 16: more than one pays where a single core of each"
              + " host cannot fill the link. Default: ${DEFAULT-VALUE}.")
  int streams;

  @Option(
      names = "--delta-cache",
      paramLabel = "SIZE",
      defaultValue = (MigrateOrder.DEFAULT_DELTA_CACHE_BYTES >> 20) + "M",
      converter = ByteSize.class,
      description =
          "Memory for pages as they were sent, at most 128M: those that change a little are sent as"
              + " differences, while that gains time; 0: none. Default: ${DEFAULT-VALUE}.")
  long deltaCache;

  @Option(
      names = "--verify",
      description =
          "Compare digests of all RAM, taken at both ends during the pause; makes that longer.")
  boolean verify;

  @Option(names = "--json", description = "One JSON object a line: progress, the result last.")
  boolean json;

  @Override
  ExitStatus ask(ControlClient client) {
    requireSome("--max-downtime", maxDowntime.toMillis(), "nothing moves without a pause");
    requireSome("--timeout", timeout.toMillis(), "give a time");
    requireSome("--streams", streams, "give 1 to 16");
    requireSome(
        "--max-throttle",
        maxThrottle,
        "give 1 to 99 percent; with another --on-timeout than throttle no CPU is slowed down");
    MigrateOrder order =
        new MigrateOrder(
            to,
            maxDowntime,
            timeout,
            bandwidth,
            compression,
            verify,
            onTimeout,
            maxThrottle,
            streams,
            deltaCache);
    return new TransferWatch(spec, client, name, json)
        .follow(progress -> client.migrate(order, progress));
  }
}
