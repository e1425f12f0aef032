package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.CpuModel;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Small print of the manuals: what the differential oracle or a reading of them has found. */
@Timeout(20)
class ExactnessTest {
  private static final long HANDLER = 0x11000;

  private static Insn decode(CpuModel model, int codeBits, String hex) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", "") + "00".repeat(15));
    DecodeContext d = new DecodeContext(model);
    d.begin(at -> code[at] & 0xFF, Guest.CODE, codeBits, codeBits != 16);
    return OpcodeTable.decode(d);
  }

  private static int lengthOf(String hex) {
    return (int) (decode(CpuModel.X86_64_V2, 64, hex).nextRip - Guest.CODE);
  }

  @Test
  void movesOfControlAndDebugRegistersHaveNoMemoryForm() {
    assertEquals(3, lengthOf("0f2087"), "mov %cr0,%rdi with mod 2");
    assertEquals(3, lengthOf("0f2204"), "mov %rsp,%cr0 with mod 0, and no SIB byte");
    assertEquals(3, lengthOf("0f2144"), "mov %dr0,%rsp with mod 1");
    assertEquals(3, lengthOf("0f2385"), "mov %rbp,%dr0 with mod 2");
  }

  @Test
  void aModelWithoutThemHasNoneOfTheLaterSseInstructions() {
    try (Guest g = Guest.longMode("")) {
      for (String hex :
          new String[] {
            "f20f7cc1", // haddps
            "f30f12c1", // movsldup
            "f20ff000", // lddqu
            "db0f", // fisttp
            "0f3800c1", // pshufb
            "660f3a0fc101", // palignr
            "660f3817c1", // ptest
            "660f3a63c100", // pcmpistri
            "f20f38f1c1", // crc32
          }) {
        Insn insn = decode(CpuModel.X86_64_V1, 64, hex);
        GuestFault fault = assertThrows(GuestFault.class, () -> insn.execute(g.cpu), hex);
        assertEquals(GuestFault.UD, fault.vector, hex);
        Insn known = decode(CpuModel.X86_64_V2, 64, hex);
        g.cpu.regs[0] = Guest.STACK;
        g.cpu.regs[7] = Guest.STACK;
        known.execute(g.cpu);
      }
    }
  }

  @Test
  void bitCountsWithoutTheirFeatureAreScans() {
    try (Guest g = Guest.longMode("")) {
      g.cpu.regs[1] = 0x100;
      decode(CpuModel.X86_64_V2, 64, "f30fbdc1").execute(g.cpu); // lzcnt %ecx,%eax, or bsr
      assertEquals(8, g.cpu.regs[0]);
    }
  }

  @Test
  void invalidOpcodesOf64BitModeAreInvalid() {
    try (Guest g = Guest.longMode("")) {
      for (String hex :
          new String[] {"ce", "d40a", "d50a", "d6", "06", "27", "60", "62c0", "9a", "ea"}) {
        GuestFault fault =
            assertThrows(
                GuestFault.class, () -> decode(CpuModel.X86_64_V2, 64, hex).execute(g.cpu), hex);
        assertEquals(GuestFault.UD, fault.vector, hex);
      }
    }
  }

  @Test
  void enableInterruptsDoesNotHideASingleStepButALoadOfSsDoes() {
    // push $0x102; popf; sti; nop — the trap of STI is taken after STI
    try (Guest g = Guest.longMode("6802010000 9d fb 90 e6f4")) {
      g.gate(GuestFault.DB, HANDLER, 14, 0, 0);
      g.code(HANDLER, "e6f4");
      g.run();
      assertEquals(Guest.CODE + 7, g.memory.read64(g.cpu.regs[4]));
    }
    // mov $0x10,%eax; push $0x102; popf; mov %eax,%ss; nop
    try (Guest g = Guest.longMode("b810000000 6802010000 9d 8ed0 90 e6f4")) {
      g.gate(GuestFault.DB, HANDLER, 14, 0, 0);
      g.code(HANDLER, "e6f4");
      g.run();
      assertEquals(Guest.CODE + 14, g.memory.read64(g.cpu.regs[4]));
    }
  }

  @Test
  void enterTakesAllOfTheStackPointerWith32BitOperands() {
    try (Guest g = new Guest()) {
      g.cpu.segments.loadReal(DecodeContext.SS, 0);
      g.cpu.regs[4] = 0x1234_8000L;
      g.cpu.regs[5] = 0xFFFF_FFFFL;
      decode(CpuModel.X86_64_V2, 16, "66c8040000").execute(g.cpu);
      assertEquals(0x1234_7FFCL, g.cpu.regs[5]);
      assertEquals(0x1234_7FF8L, g.cpu.regs[4]);
    }
  }

  @Test
  void privilegeIsCheckedBeforeOperandsAreRead() {
    try (Guest g = Guest.longMode("")) {
      g.cpu.setCpl(3);
      g.cpu.regs[0] = 0x4000_0000_0000L; // not mapped
      g.cpu.regs[6] = g.cpu.regs[0];
      g.cpu.regs[7] = g.cpu.regs[0];
      for (String hex : new String[] {"0f0130", "0f0110", "6e", "6c"}) {
        GuestFault fault =
            assertThrows(
                GuestFault.class, () -> decode(CpuModel.X86_64_V2, 64, hex).execute(g.cpu), hex);
        assertEquals(GuestFault.GP, fault.vector, hex);
      }
    }
  }

  @Test
  void initIsTakenWhileNmisAreBlocked() {
    try (Guest g = Guest.longMode("ebfe")) { // 1: jmp 1b
      g.cpu.nmiBlocked = true;
      g.apic.events.add(new ApicEvent.Init());
      g.memory.write8(0xFFF0, 0);
      g.cpu.attention = true;
      Thread ender =
          Thread.ofVirtual()
              .start(
                  () -> {
                    while (!g.apic.events.isEmpty()) {
                      Thread.onSpinWait();
                    }
                    g.vcpu.requestExit();
                  });
      g.run();
      assertEquals(false, g.cpu.nmiBlocked);
      assertEquals(0, g.cpu.cr0 & Cr.PE);
      ender.interrupt();
    }
  }
}
