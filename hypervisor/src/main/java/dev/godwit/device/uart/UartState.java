package dev.godwit.device.uart;

/**
 * Everything about a UART that moves with its machine.
 *
 * @param interruptEnable IER
 * @param fifoControl what stays of FCR
 * @param lineControl LCR
 * @param modemControl MCR
 * @param lineErrors LSR's error bits, not yet read
 * @param modemChanges MSR's change bits, not yet read
 * @param scratch the scratch register
 * @param divisor baud rate divisor, 16 bits
 * @param received the receive FIFO, oldest first
 * @param transmitterEmptyPending to be reported in IIR
 * @param timeoutPending to be reported in IIR
 * @param timeoutAtNanos guest time at which {@code timeoutPending} becomes true, 0 if that is not
 *     to come
 */
record UartState(
    int interruptEnable,
    int fifoControl,
    int lineControl,
    int modemControl,
    int lineErrors,
    int modemChanges,
    int scratch,
    int divisor,
    byte[] received,
    boolean transmitterEmptyPending,
    boolean timeoutPending,
    long timeoutAtNanos) {}
