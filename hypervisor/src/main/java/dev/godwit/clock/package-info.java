/**
 * The machine's time: one clock from which TSC, HPET, PM timer, PIT, RTC and LAPIC timer derive.
 *
 * <p>Depends on nothing. Any thread reads; timers fire on the clock's own thread; the machine
 * freezes and thaws it.
 */
@NullMarked
package dev.godwit.clock;

import org.jspecify.annotations.NullMarked;
