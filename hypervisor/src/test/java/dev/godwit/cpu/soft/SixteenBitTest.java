package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.cpu.CpuModel;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Forms that the host cannot show: 16-bit code, its addressing, its stack and its wrapping (SDM
 * vol. 2 ch. 2 and 3).
 */
class SixteenBitTest {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RBX = 3;
  private static final int RSP = 4;
  private static final int RBP = 5;
  private static final int RSI = 6;
  private static final int RDI = 7;
  private static final long DS_BASE = 0x1_0000;
  private static final long SS_BASE = 0x3_0000;
  private static final long ES_BASE = 0x5_0000;
  private static final int RIP = 0x100;

  private Guest guest;
  private SoftCpu cpu;

  @BeforeEach
  void startInRealMode() {
    guest = new Guest();
    cpu = guest.cpu;
    cpu.segments.loadReal(DecodeContext.CS, 0);
    cpu.segments.loadReal(DecodeContext.DS, (int) (DS_BASE >> 4));
    cpu.segments.loadReal(DecodeContext.SS, (int) (SS_BASE >> 4));
    cpu.segments.loadReal(DecodeContext.ES, (int) (ES_BASE >> 4));
    for (int i = 0; i < 8; i++) {
      cpu.regs[i] = 0xABCD_0000L;
    }
  }

  @AfterEach
  void close() {
    guest.close();
  }

  private Insn decode(String hex, int rip, int bits) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    DecodeContext d = new DecodeContext(CpuModel.X86_64_V2);
    d.begin(at -> code[at] & 0xFF, rip, bits, bits == 32);
    return OpcodeTable.decode(d);
  }

  private Insn run(String hex) {
    Insn insn = decode(hex, RIP, 16);
    insn.execute(cpu);
    return insn;
  }

  private static int low(long value) {
    return (int) value & 0xFFFF;
  }

  private void set16(int reg, int value) {
    cpu.regs[reg] = 0xABCD_0000L | value;
  }

  @Test
  void addressesAreSumsOfBaseIndexAndDisplacement() {
    set16(RBX, 0x1000);
    set16(RBP, 0x2000);
    set16(RSI, 0x30);
    set16(RDI, 0x4);
    int[] sums = {0x1030, 0x1004, 0x2030, 0x2004, 0x30, 0x4, 0x2000, 0x1000};
    for (int rm = 0; rm < 8; rm++) {
      String suffix = rm == 6 ? "3412" : "";
      run("8d" + HexFormat.of().toHexDigits((byte) rm) + suffix); // lea ax, [...]
      assertEquals(rm == 6 ? 0x1234 : sums[rm], low(cpu.regs[RAX]), "mod 0 rm " + rm);
      run("8d" + HexFormat.of().toHexDigits((byte) (0x40 | rm)) + "f0");
      assertEquals(sums[rm] - 16 & 0xFFFF, low(cpu.regs[RAX]), "mod 1 rm " + rm);
      run("8d" + HexFormat.of().toHexDigits((byte) (0x80 | rm)) + "00f0");
      assertEquals(sums[rm] + 0xF000 & 0xFFFF, low(cpu.regs[RAX]), "mod 2 rm " + rm);
    }
    assertEquals(0xABCD, cpu.regs[RAX] >>> 16, "the upper half stays");
  }

  @Test
  void baseBpMeansTheStackSegmentAndAPrefixWins() {
    set16(RBP, 0x10);
    set16(RSI, 0x20);
    guest.memory.write16(SS_BASE + 0x30, 0x1111);
    guest.memory.write16(DS_BASE + 0x20, 0x2222);
    guest.memory.write16(ES_BASE + 0x30, 0x3333);
    guest.memory.write16(DS_BASE + 0x10, 0x4444);
    run("8b02"); // mov ax, [bp+si]
    assertEquals(0x1111, low(cpu.regs[RAX]));
    run("8b04"); // mov ax, [si]
    assertEquals(0x2222, low(cpu.regs[RAX]));
    run("26 8b02"); // mov ax, es:[bp+si]
    assertEquals(0x3333, low(cpu.regs[RAX]));
    run("a1 1000"); // mov ax, [0x10]
    assertEquals(0x4444, low(cpu.regs[RAX]));
  }

  @Test
  void prefixesSelect32BitOperandsAndAddresses() {
    cpu.regs[RBX] = 0x40;
    cpu.regs[RCX] = 2;
    guest.memory.write32(DS_BASE + 0x4A, 0xCAFE_F00D);
    run("66 67 8b448b02"); // mov eax, [ebx+ecx*4+2]
    assertEquals(0xCAFE_F00DL, cpu.regs[RAX]);
    run("66 05 01000000"); // add eax, 1
    assertEquals(0xCAFE_F00EL, cpu.regs[RAX]);
    run("05 f2ff"); // add ax, 0xfff2
    assertEquals(0xCAFE_F000L, cpu.regs[RAX]);
  }

  @Test
  void anOffsetBeyondTheLimitFaultsAndAWordAtFfffToo() {
    cpu.regs[RBX] = 0x1_0000;
    GuestFault fault = assertThrows(GuestFault.class, () -> run("67 8b03")); // mov ax, [ebx]
    assertEquals(GuestFault.GP, fault.vector);
    set16(RBX, 0xFFFF);
    assertEquals(GuestFault.GP, assertThrows(GuestFault.class, () -> run("8b07")).vector);
    set16(RBP, 0xFFFF);
    assertEquals(GuestFault.SS, assertThrows(GuestFault.class, () -> run("8b4600")).vector);
  }

  @Test
  void theStackPointerHas16BitsAndWraps() {
    set16(RSP, 0);
    set16(RAX, 0x1234);
    run("50"); // push ax
    assertEquals(0xABCD_FFFEL, cpu.regs[RSP]);
    assertEquals(0x1234, guest.memory.read16(SS_BASE + 0xFFFE));
    run("6a f0"); // push -16
    assertEquals(0xFFF0, guest.memory.read16(SS_BASE + 0xFFFC));
    run("66 68 78563412"); // push dword 0x12345678
    assertEquals(0x1234_5678, guest.memory.read32(SS_BASE + 0xFFF8));
    run("66 59"); // pop ecx
    assertEquals(0x1234_5678L, cpu.regs[RCX]);
    run("5a"); // pop dx
    assertEquals(0xABCD_FFF0L, cpu.regs[RDX]);
    run("8f06 2000"); // pop word [0x20]
    assertEquals(0x1234, guest.memory.read16(DS_BASE + 0x20));
    assertEquals(0xABCD_0000L, cpu.regs[RSP]);
  }

  @Test
  void callsAndReturnsPushTheInstructionPointer() {
    set16(RSP, 0x100);
    Insn call = run("e8 fdfe"); // call 0
    assertEquals(0, cpu.rip);
    assertEquals(call.nextRip, guest.memory.read16(SS_BASE + 0xFE));
    run("c2 0400"); // ret 4
    assertEquals(call.nextRip, cpu.rip);
    assertEquals(0x104, low(cpu.regs[RSP]));
    set16(RBX, 0x4321);
    run("ffd3"); // call bx
    assertEquals(0x4321, cpu.rip);
    run("66 c3"); // ret with 32 bits: pops the word pushed and the one above it
    assertEquals(0x102, cpu.rip & 0xFFFF);
    assertEquals(0x106, low(cpu.regs[RSP]));
  }

  @Test
  void branchTargetsAreCutToTheOperandSize() {
    decode("eb 20", 0xFFF0, 16).execute(cpu);
    assertEquals(0x0012, cpu.rip);
    cpu.setArithmeticFlags(Flags.ZF);
    decode("66 74 10", 0xFFF8, 16).execute(cpu); // je with 32 bits
    assertEquals(0x1_000B, cpu.rip);
    decode("66 0f84 0000", 0x12_3400, 32).execute(cpu); // je with 16 bits in 32-bit code
    assertEquals(0x3405, cpu.rip);
    decode("eb fe", 0, 32).execute(cpu);
    assertEquals(0, cpu.rip);
    decode("e9 f0ffffff", 4, 32).execute(cpu);
    assertEquals(0xFFFF_FFF9L, cpu.rip);
  }

  @Test
  void loopCountsInCxOrEcxByAddressSize() {
    cpu.regs[RCX] = 0x1_0000;
    Insn loop = run("e2 10");
    assertEquals(0x1_FFFFL, cpu.regs[RCX]);
    assertEquals(loop.nextRip + 0x10, cpu.rip);
    cpu.regs[RCX] = 0x1_0001;
    loop = run("e2 10");
    assertEquals(loop.nextRip, cpu.rip);
    assertEquals(0x1_0000, cpu.regs[RCX]);
    loop = run("e3 10"); // jcxz
    assertEquals(loop.nextRip + 0x10, cpu.rip);
    loop = run("67 e3 10"); // jecxz
    assertEquals(loop.nextRip, cpu.rip);
  }

  @Test
  void stringsWrapAtTheEndOfTheSegment() {
    for (int i = 0; i < 0x40; i++) {
      guest.memory.write8(DS_BASE + (0xFFE0 + i & 0xFFFF), i);
    }
    set16(RSI, 0xFFE0);
    set16(RDI, 0xFFF0);
    set16(RCX, 0x20);
    Insn movsw = decode("f3 a5", RIP, 16);
    movsw.execute(cpu);
    assertEquals(movsw.nextRip, cpu.rip);
    assertEquals(0xABCD_0000L, cpu.regs[RCX]);
    assertEquals(0xABCD_0020L, cpu.regs[RSI]);
    assertEquals(0xABCD_0030L, cpu.regs[RDI]);
    for (int i = 0; i < 0x40; i++) {
      assertEquals(i, guest.memory.read8(ES_BASE + (0xFFF0 + i & 0xFFFF)), "byte " + i);
    }
    cpu.flagsRest |= Flags.DF;
    set16(RDI, 2);
    set16(RCX, 4);
    cpu.regs[RAX] = 0x7777;
    decode("f3 ab", RIP, 16).execute(cpu); // std; rep stosw
    assertEquals(0xABCD_FFFAL, cpu.regs[RDI]);
    assertEquals(0x7777, guest.memory.read16(ES_BASE + 2));
    assertEquals(0x7777, guest.memory.read16(ES_BASE));
    assertEquals(0x7777, guest.memory.read16(ES_BASE + 0xFFFE));
    assertEquals(0x7777, guest.memory.read16(ES_BASE + 0xFFFC));
  }

  @Test
  void aWordStringAtFfffFaultsAtThatIteration() {
    set16(RDI, 0xFFFB);
    set16(RCX, 4);
    GuestFault fault = assertThrows(GuestFault.class, () -> run("f3 ab"));
    assertEquals(GuestFault.GP, fault.vector);
    assertEquals(0xABCD_0002L, cpu.regs[RCX]);
    assertEquals(0xABCD_FFFFL, cpu.regs[RDI]);
  }

  @Test
  void pushaAndPopaKeepOrderAndSkipSp() {
    for (int i = 0; i < 8; i++) {
      set16(i, 0x1010 * (i + 1));
    }
    set16(RSP, 0x200);
    run("60");
    assertEquals(0x1F0, low(cpu.regs[RSP]));
    assertEquals(0x1010, guest.memory.read16(SS_BASE + 0x1FE));
    assertEquals(0x200, guest.memory.read16(SS_BASE + 0x1F6));
    assertEquals(0x8080, guest.memory.read16(SS_BASE + 0x1F0));
    for (int i = 0; i < 8; i++) {
      if (i != RSP) {
        set16(i, 0);
      }
    }
    run("61");
    for (int i = 0; i < 8; i++) {
      assertEquals(
          0xABCD_0000L | (i == RSP ? 0x200 : 0x1010 * (i + 1)), cpu.regs[i], "register " + i);
    }
  }

  @Test
  void framesAreMadeAndLeft() {
    set16(RSP, 0x200);
    set16(RBP, 0x4444);
    run("c8 2000 00"); // enter 0x20, 0
    assertEquals(0xABCD_01FEL, cpu.regs[RBP]);
    assertEquals(0xABCD_01DEL, cpu.regs[RSP]);
    run("c9"); // leave
    assertEquals(0xABCD_4444L, cpu.regs[RBP]);
    assertEquals(0xABCD_0200L, cpu.regs[RSP]);
  }

  @Test
  void bitStringsReachBackwardsFromTheirOffset() {
    set16(RBX, 0x40);
    set16(RSI, -17 & 0xFFFF);
    guest.memory.write16(DS_BASE + 0x3C, 0x8000);
    run("0fa337"); // bt [bx], si: bit -17 is the top bit of the word 4 bytes below
    assertEquals(Flags.CF, (int) cpu.rflags() & Flags.CF);
    run("0fb337"); // btr
    assertEquals(0, guest.memory.read16(DS_BASE + 0x3C));
  }

  @Test
  void lockIsOnlyForUpdatesOfMemory() {
    assertInstanceOf(MiscNodes.Undefined.class, decode("f0 01c0", RIP, 16)); // add ax, ax
    assertInstanceOf(MiscNodes.Undefined.class, decode("f0 3907", RIP, 16)); // cmp [bx], ax
    assertInstanceOf(MiscNodes.Undefined.class, decode("f0 0307", RIP, 16)); // add ax, [bx]
    assertInstanceOf(MiscNodes.Undefined.class, decode("f0 90", RIP, 16));
    assertInstanceOf(MiscNodes.Undefined.class, decode("f0 8907", RIP, 16)); // mov
    assertInstanceOf(AluNodes.UpdatePlace.class, decode("f0 0107", RIP, 16));
  }

  @Test
  void opcodesOf64BitModeAndOfLegacyModesAreKeptApart() {
    for (String legacy :
        new String[] {"27", "2f", "37", "3f", "60", "61", "82c001", "d40a", "d50a", "d6"}) {
      assertInstanceOf(MiscNodes.Undefined.class, decode(legacy, RIP, 64), legacy);
    }
    assertInstanceOf(AluNodes.Inc.class, decode("40", RIP, 16));
    assertInstanceOf(AluNodes.Dec32.class, decode("66 4b", RIP, 16));
  }
}
