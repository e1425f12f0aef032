package dev.godwit.cli.host;

import dev.godwit.backend.Console;
import dev.godwit.machine.Machine;
import java.util.OptionalInt;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * A machine with what a process needs to serve it.
 *
 * @param machine the machine
 * @param console the far end of its first serial line
 * @param engine what executes the guest's code: "soft"
 * @param powerButton presses the ACPI power button
 * @param entry makes the boot vCPU start in 64-bit code at a gpa, before the machine starts
 * @param guestStatus the status that the guest has ended the machine with, if it did
 */
public record AssembledMachine(
    Machine machine,
    Console console,
    String engine,
    Runnable powerButton,
    LongConsumer entry,
    Supplier<OptionalInt> guestStatus) {}
