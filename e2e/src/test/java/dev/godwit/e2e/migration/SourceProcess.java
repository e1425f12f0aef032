package dev.godwit.e2e.migration;

import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationListener;
import dev.godwit.source.MigrationOptions;
import dev.godwit.source.MigrationOptions.OnTimeout;
import dev.godwit.source.NetworkSink;
import dev.godwit.source.NetworkSinkOptions;
import dev.godwit.source.StateSink;
import java.time.Duration;

/**
 * A source in a process of its own: runs a machine, migrates it to a port, and halts without a word
 * at the moment that its second argument names, if any. Exit status 0 if the machine has moved, 1
 * if it has not.
 */
final class SourceProcess {
  private SourceProcess() {}

  public static void main(String[] args) {
    SyntheticMachine machine =
        SyntheticMachine.create(
            SyntheticMachine.config("guest", 32 * Lab.MIB, 1, Load.of(1024, 2000, 512)), 1);
    machine.machine().start();
    StateSink sink =
        new NetworkSink(
            "127.0.0.1", Integer.parseInt(args[0]), Lab.PRODUCER, NetworkSinkOptions.DEFAULT);
    if (args.length > 1) {
      // As SIGKILL: no shutdown hooks, no last words.
      sink = Moment.valueOf(args[1]).hook(sink, () -> Runtime.getRuntime().halt(137));
    }
    try {
      new LiveMigration(
              machine.machine(),
              sink,
              Afterwards.MIGRATED,
              MigrationOptions.DEFAULT
                  .withMaxDowntime(Duration.ZERO)
                  .withMaxRounds(4)
                  .withTimeout(Duration.ofMinutes(1), OnTimeout.STOP),
              MigrationListener.NONE,
              Lab.PRODUCER)
          .run();
      System.exit(0);
    } catch (RuntimeException e) {
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }
}
