package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/**
 * Decodes what needs the system's state: segments, far transfers, interrupts, I/O, control
 * registers, MSRs.
 */
final class SystemOpcodes {
  private SystemOpcodes() {}

  /** Returns the instruction, or null if it is none of these or does not exist. */
  static @Nullable Insn decode(DecodeContext d) {
    return switch (d.map()) {
      case 0 -> decodeOneByte(d);
      case 1 -> decodeTwoByte(d);
      default -> null;
    };
  }

  private static @Nullable Insn decodeOneByte(DecodeContext d) {
    return switch (d.opcode()) {
      case 0x06, 0x0E, 0x16, 0x1E -> d.is64() ? null : SegmentInsns.push(d, d.opcode() >> 3);
      case 0x07, 0x17, 0x1F -> d.is64() ? null : SegmentInsns.pop(d, d.opcode() >> 3);
      case 0x62 -> d.is64() || d.isRegister() ? null : SegmentInsns.bound(d);
      case 0x63 -> d.is64() ? null : SegmentInsns.arpl(d);
      case 0x8C -> SegmentInsns.store(d);
      case 0x8E -> SegmentInsns.load(d);
      case 0x9A -> d.is64() ? null : FlowInsns.farImmediate(d, true);
      case 0x9C -> FlowInsns.pushf(d);
      case 0x9D -> FlowInsns.popf(d);
      case 0xC4, 0xC5 ->
          d.is64() || d.isRegister()
              ? null
              : SegmentInsns.loadPointer(
                  d, d.opcode() == 0xC4 ? DecodeContext.ES : DecodeContext.DS);
      case 0xCA -> FlowInsns.farReturn(d, d.imm16());
      case 0xCB -> FlowInsns.farReturn(d, 0);
      case 0xCC -> FlowInsns.interrupt(d, GuestFault.BP);
      case 0xCD -> FlowInsns.interrupt(d, d.imm8() & 0xFF);
      case 0xCE -> d.is64() ? null : FlowInsns.into(d);
      case 0xCF -> FlowInsns.iret(d);
      case 0xE4, 0xE5, 0xE6, 0xE7 -> {
        int port = d.imm8() & 0xFF;
        yield FlowInsns.io(d, c -> port);
      }
      case 0xEC, 0xED, 0xEE, 0xEF -> FlowInsns.io(d, c -> (int) c.regs[2] & 0xFFFF);
      case 0xEA -> d.is64() ? null : FlowInsns.farImmediate(d, false);
      case 0xF1 -> FlowInsns.icebp(d);
      case 0xF4 -> FlowInsns.halt(d);
      case 0xFA -> FlowInsns.cli(d);
      case 0xFB -> FlowInsns.sti(d);
      case 0xFF ->
          switch (d.regField()) {
            case 3 -> d.isRegister() ? null : FlowInsns.farIndirect(d, true);
            case 5 -> d.isRegister() ? null : FlowInsns.farIndirect(d, false);
            default -> null;
          };
      default -> null;
    };
  }

  private static @Nullable Insn decodeTwoByte(DecodeContext d) {
    return switch (d.opcode()) {
      case 0x00 -> TableInsns.group6(d);
      case 0x01 -> TableInsns.group7(d);
      case 0x02 -> TableInsns.accessRights(d, false);
      case 0x03 -> TableInsns.accessRights(d, true);
      case 0x05 -> SyscallInsns.syscall(d);
      case 0x06 -> ControlInsns.clearTaskSwitched(d);
      case 0x07 -> SyscallInsns.sysret(d);
      case 0x08, 0x09 -> SystemInsn.ending(d, SystemInsn::requireSupervisor); // INVD, WBINVD
      case 0x20 -> ControlInsns.readControl(d);
      case 0x21 -> ControlInsns.readDebug(d);
      case 0x22 -> ControlInsns.writeControl(d);
      case 0x23 -> ControlInsns.writeDebug(d);
      case 0x30 -> ControlInsns.wrmsr(d);
      case 0x31 -> ControlInsns.rdtsc(d);
      case 0x32 -> ControlInsns.rdmsr(d);
      case 0x33 -> ControlInsns.rdpmc(d);
      case 0x34 -> SyscallInsns.sysenter(d);
      case 0x35 -> SyscallInsns.sysexit(d);
      case 0xA0 -> SegmentInsns.push(d, DecodeContext.FS);
      case 0xA1 -> SegmentInsns.pop(d, DecodeContext.FS);
      case 0xA2 -> SystemInsn.plain(d, c -> c.cpuid.execute());
      case 0xA8 -> SegmentInsns.push(d, DecodeContext.GS);
      case 0xA9 -> SegmentInsns.pop(d, DecodeContext.GS);
      case 0xB2 -> d.isRegister() ? null : SegmentInsns.loadPointer(d, DecodeContext.SS);
      case 0xB4 -> d.isRegister() ? null : SegmentInsns.loadPointer(d, DecodeContext.FS);
      case 0xB5 -> d.isRegister() ? null : SegmentInsns.loadPointer(d, DecodeContext.GS);
      case 0xC7 -> d.isRegister() && d.regField() == 6 ? ControlInsns.rdrand(d) : null;
      default -> null;
    };
  }
}
