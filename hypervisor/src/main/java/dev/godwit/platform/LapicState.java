package dev.godwit.platform;

import static dev.godwit.platform.LapicRegisters.BASE_RESERVED;
import static dev.godwit.platform.LapicRegisters.BASE_X2APIC;
import static dev.godwit.platform.LapicRegisters.ICR_LOW_WRITABLE;
import static dev.godwit.platform.LapicRegisters.LVT_ENTRIES;
import static dev.godwit.platform.LapicRegisters.SVR_WRITABLE;
import static dev.godwit.platform.LapicRegisters.lvtWritable;

import java.util.List;

/**
 * Everything a local APIC remembers.
 *
 * @param id its xAPIC ID
 * @param apicBase IA32_APIC_BASE
 * @param tpr task priority, 8 bits
 * @param ldr logical destination register
 * @param dfr destination format register
 * @param svr spurious vector register
 * @param esr error status as the guest reads it
 * @param esrAccumulated errors since the guest's last write to it
 * @param icr interrupt command register, both words
 * @param isr in-service, eight words
 * @param tmr trigger modes, eight words
 * @param irr requests, eight words
 * @param lvt local vector table, six entries
 * @param timer its timer
 * @param lint0 level of the PIC's wire
 * @param nmi an NMI waits to be taken
 * @param init an INIT waits to be taken
 * @param sipiVector a start-up waits to be taken: its vector; -1 for none
 */
record LapicState(
    int id,
    long apicBase,
    int tpr,
    int ldr,
    int dfr,
    int svr,
    int esr,
    int esrAccumulated,
    long icr,
    List<Integer> isr,
    List<Integer> tmr,
    List<Integer> irr,
    List<Integer> lvt,
    LapicTimer.State timer,
    boolean lint0,
    boolean nmi,
    boolean init,
    int sipiVector) {

  /** Checks everything that does not depend on the machine. */
  LapicState {
    StateChecks.requireBits(id, 8, "lapic", "apic_id");
    StateChecks.require(
        (apicBase & (BASE_RESERVED | BASE_X2APIC)) == 0,
        "lapic",
        "apic_base",
        Long.toHexString(apicBase));
    StateChecks.requireBits(tpr, 8, "lapic", "tpr");
    StateChecks.require((svr & ~SVR_WRITABLE) == 0, "lapic", "svr", svr);
    StateChecks.requireBits(esr, 8, "lapic", "esr");
    StateChecks.requireBits(esrAccumulated, 8, "lapic", "esr_accumulated");
    StateChecks.require(
        (icr & 0xFFFFFFFFL & ~ICR_LOW_WRITABLE) == 0, "lapic", "icr", Long.toHexString(icr));
    StateChecks.requireSize(isr, VectorSet.WORDS, "lapic", "isr words");
    StateChecks.requireSize(tmr, VectorSet.WORDS, "lapic", "tmr words");
    StateChecks.requireSize(irr, VectorSet.WORDS, "lapic", "irr words");
    StateChecks.require(
        ((isr.get(0) | irr.get(0)) & 0xFFFF) == 0, "lapic", "pending vector", "below 16");
    StateChecks.requireSize(lvt, LVT_ENTRIES, "lapic", "lvt entries");
    for (int i = 0; i < LVT_ENTRIES; i++) {
      StateChecks.require((lvt.get(i) & ~lvtWritable(i)) == 0, "lapic", "lvt entry", lvt.get(i));
    }
    StateChecks.require(sipiVector >= -1 && sipiVector <= 0xFF, "lapic", "sipi_vector", sipiVector);
    isr = List.copyOf(isr);
    tmr = List.copyOf(tmr);
    irr = List.copyOf(irr);
    lvt = List.copyOf(lvt);
  }
}
