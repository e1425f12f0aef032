package dev.godwit.machine;

import dev.godwit.backend.Console;
import dev.godwit.boot.BootImage;
import dev.godwit.memory.GuestMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Optional;

/**
 * Boots a kernel with its console on this terminal: {@code BootTrial KERNEL INITRD CMDLINE [MIB]}.
 */
public final class BootTrial {
  private BootTrial() {}

  /** Runs until the guest powers off. */
  public static void main(String[] args) throws Exception {
    long startNanos = System.nanoTime();
    long ramBytes = Long.parseLong(args.length > 3 ? args[3] : "256") << 20;
    Pc pc =
        Pc.build(
            new MachineConfig(
                "trial",
                ramBytes,
                1,
                "x86-64-v1",
                Pc.STANDARD_DEVICES,
                MachineConfig.DEFAULT_TSC_HZ),
            GuestMemory.allocate(ramBytes),
            CpuEngines.create(CpuEngines.SOFT),
            InstantSource.system());
    pc.load(
        new BootImage(
            Path.of(args[0]),
            args[1].isEmpty() ? Optional.empty() : Optional.of(Path.of(args[1])),
            args[2]));
    Console.Attachment attachment =
        pc.console()
            .attach(
                new Console.Listener() {
                  @Override
                  public void output(byte[] bytes, long droppedBytes) {
                    System.out.write(bytes, 0, bytes.length);
                    System.out.flush();
                    if (new String(bytes, StandardCharsets.ISO_8859_1).contains("READY")) {
                      System.err.printf("%n[%.2f s]%n", (System.nanoTime() - startNanos) / 1e9);
                    }
                  }

                  @Override
                  public void closed() {}
                });
    pc.machine().start();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              byte[] buffer = new byte[256];
              try {
                for (int n = System.in.read(buffer); n >= 0; n = System.in.read(buffer)) {
                  attachment.write(Arrays.copyOf(buffer, n));
                }
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    MachineState.Stopped end = pc.machine().stopped().toCompletableFuture().join();
    pc.machine().close();
    System.err.printf("%n[%.2f s] %s%n", (System.nanoTime() - startNanos) / 1e9, end);
  }
}
