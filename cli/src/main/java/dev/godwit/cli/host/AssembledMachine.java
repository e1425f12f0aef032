package dev.godwit.cli.host;

import dev.godwit.backend.Console;
import dev.godwit.machine.Machine;

/**
 * A machine with what a process needs to serve it.
 *
 * @param machine the machine
 * @param console the far end of its first serial line
 * @param engine what executes the guest's code: "soft"
 * @param powerButton presses the ACPI power button
 */
public record AssembledMachine(
    Machine machine, Console console, String engine, Runnable powerButton) {}
