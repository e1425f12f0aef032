package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/**
 * Descriptor tables and what inspects descriptors: groups 6 and 7 of the opcode map, LAR and LSL.
 */
final class TableInsns {
  private static final int LAR_TYPES =
      1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 0xB | 1 << 0xC;
  private static final int LAR_TYPES_LONG = 1 << 2 | 1 << 9 | 1 << 0xB | 1 << 0xC;
  private static final int LSL_TYPES = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 0xB;
  private static final int LSL_TYPES_LONG = 1 << 2 | 1 << 9 | 1 << 0xB;

  private TableInsns() {}

  /** A 16-bit source operand. */
  @FunctionalInterface
  private interface Source16 {
    int get(SoftCpu c);
  }

  private static Source16 source16(DecodeContext d) {
    if (d.isRegister()) {
      int from = d.rm();
      return c -> (int) c.regs[from] & 0xFFFF;
    }
    MemOperand m = d.mem();
    return c -> c.read16(m.forRead(c, 2));
  }

  /** Stores a 16-bit value: zero-extended to a register, 2 bytes to memory. */
  private static Insn store16(DecodeContext d, Source16 value) {
    if (d.isRegister()) {
      int to = d.rm();
      int size = d.operandSize();
      return SystemInsn.plain(d, c -> SystemInsn.setRegister(c, to, size, value.get(c)));
    }
    MemOperand m = d.mem();
    return SystemInsn.plain(d, c -> c.write16(m.forWrite(c, 2), value.get(c)));
  }

  static @Nullable Insn group6(DecodeContext d) {
    return switch (d.regField()) {
      case 0 -> store16(d, c -> protectedSelector(c, SoftCpu.LDTR));
      case 1 -> store16(d, c -> protectedSelector(c, SoftCpu.TR));
      case 2 -> {
        Source16 from = source16(d);
        yield SystemInsn.ending(
            d,
            c -> {
              SegmentInsns.requireProtected(c);
              SystemInsn.requireSupervisor(c);
              c.segments.loadLdt(from.get(c));
            });
      }
      case 3 -> {
        Source16 from = source16(d);
        yield SystemInsn.ending(
            d,
            c -> {
              SegmentInsns.requireProtected(c);
              SystemInsn.requireSupervisor(c);
              c.segments.loadTask(from.get(c));
            });
      }
      case 4, 5 -> {
        Source16 from = source16(d);
        boolean write = d.regField() == 5;
        yield SystemInsn.plain(
            d,
            c -> {
              SegmentInsns.requireProtected(c);
              SystemInsn.setZero(c, verify(c, from.get(c), write));
            });
      }
      default -> null;
    };
  }

  private static int protectedSelector(SoftCpu c, int seg) {
    SegmentInsns.requireProtected(c);
    return c.segSelector[seg];
  }

  private static boolean verify(SoftCpu c, int selector, boolean write) {
    int a = Segments.attributes(c.segments.visible(selector, 0));
    boolean code = (a & Segments.CODE) != 0;
    boolean granted = (a & Segments.WRITABLE) != 0;
    if ((a & Segments.S) == 0) {
      return false;
    }
    return write ? !code && granted : !code || granted;
  }

  /** LAR and LSL. */
  static Insn accessRights(DecodeContext d, boolean limit) {
    Source16 from = source16(d);
    int to = d.reg();
    int size = d.operandSize();
    return SystemInsn.plain(
        d,
        c -> {
          SegmentInsns.requireProtected(c);
          int types =
              c.longMode()
                  ? limit ? LSL_TYPES_LONG : LAR_TYPES_LONG
                  : limit ? LSL_TYPES : LAR_TYPES;
          long raw = c.segments.visible(from.get(c), types);
          if (raw != 0) {
            SystemInsn.setRegister(
                c, to, size, limit ? Segments.limit(raw) : raw >>> 32 & 0xF0_FF00);
          }
          SystemInsn.setZero(c, raw != 0);
        });
  }

  static @Nullable Insn group7(DecodeContext d) {
    if (d.isRegister()) {
      return group7Register(d);
    }
    MemOperand m = d.mem();
    int baseBytes = d.is64() ? 8 : 4;
    long baseMask = d.is64() ? -1 : d.operandSize() == 2 ? 0xFF_FFFF : 0xFFFF_FFFFL;
    return switch (d.regField()) {
      case 0 -> SystemInsn.plain(d, c -> storeTable(c, m, c.gdtLimit, c.gdtBase, baseBytes));
      case 1 -> SystemInsn.plain(d, c -> storeTable(c, m, c.idtLimit, c.idtBase, baseBytes));
      case 2 ->
          SystemInsn.ending(
              d,
              c -> {
                SystemInsn.requireSupervisor(c);
                int limit = c.read16(m.forRead(c, 2));
                c.gdtBase = tableBase(c, m, baseBytes) & baseMask;
                c.gdtLimit = limit;
              });
      case 3 ->
          SystemInsn.ending(
              d,
              c -> {
                SystemInsn.requireSupervisor(c);
                int limit = c.read16(m.forRead(c, 2));
                c.idtBase = tableBase(c, m, baseBytes) & baseMask;
                c.idtLimit = limit;
              });
      case 4 -> SystemInsn.plain(d, c -> c.write16(m.forWrite(c, 2), (int) c.cr0 & 0xFFFF));
      case 6 ->
          SystemInsn.ending(
              d,
              c -> {
                SystemInsn.requireSupervisor(c);
                ControlInsns.loadMachineStatus(c, c.read16(m.forRead(c, 2)));
              });
      case 7 ->
          SystemInsn.ending(
              d,
              c -> {
                SystemInsn.requireSupervisor(c);
                long lin = c.segBase[m.segment()] + m.offset(c);
                c.mmu.flushPage(c.longMode() ? lin : lin & 0xFFFF_FFFFL);
              });
      default -> null;
    };
  }

  private static long tableBase(SoftCpu c, MemOperand m, int bytes) {
    long base = SegmentInsns.readSized(c, m.forRead(c, 2L, bytes), bytes);
    if (!Cr.canonical(base)) {
      throw GuestFault.of(GuestFault.GP);
    }
    return base;
  }

  private static void storeTable(SoftCpu c, MemOperand m, int limit, long base, int baseBytes) {
    long limitAt = m.forWrite(c, 2);
    c.probeWrite(limitAt, 2);
    long baseAt = m.forWrite(c, 2L, baseBytes);
    c.probeWrite(baseAt, baseBytes);
    c.write16(limitAt, limit);
    if (baseBytes == 8) {
      c.write64(baseAt, base);
    } else {
      c.write32(baseAt, (int) base);
    }
  }

  private static @Nullable Insn group7Register(DecodeContext d) {
    int rm = d.rm();
    int size = d.operandSize();
    return switch (d.regField()) {
      case 4 -> SystemInsn.plain(d, c -> SystemInsn.setRegister(c, rm, size, c.cr0));
      case 6 ->
          SystemInsn.ending(d, c -> ControlInsns.loadMachineStatus(c, (int) c.regs[rm] & 0xFFFF));
      case 7 ->
          switch (d.rmField()) {
            case 0 -> d.is64() ? SyscallInsns.swapgs(d) : null;
            case 1 -> ControlInsns.rdtscp(d);
            default -> null;
          };
      default -> null;
    };
  }
}
