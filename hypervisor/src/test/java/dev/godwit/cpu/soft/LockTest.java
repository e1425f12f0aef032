package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.VcpuPorts;
import dev.godwit.memory.GuestMemory;
import java.util.HexFormat;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** LOCK and XCHG between two vCPUs that share RAM. In real mode, where nothing has to be set up. */
@Timeout(60)
class LockTest {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RBX = 3;
  private static final int RDI = 7;
  private static final int ROUNDS = 200_000;
  private static final int WORD = 0x1000;
  private static final String HOST_HAS_NONE = "docs/soft-cpu.md, several vCPUs";

  private final GuestMemory memory = GuestMemory.allocate(1 << 20);
  private final CodeMap codeMap = new CodeMap(memory.framePages());
  private final GuestClock clock = new GuestClock(System::nanoTime, 1_000_000_000L);

  @AfterEach
  void close() {
    clock.close();
    memory.close();
  }

  private SoftCpu cpu() {
    SoftCpu c =
        new SoftCpu(
            new VcpuPorts(
                memory, new PortBus(), new MmioBus(), clock, new FakeApic(), 2, CpuModel.X86_64_V2),
            0,
            codeMap);
    c.segments.loadReal(DecodeContext.CS, 0);
    c.segments.loadReal(DecodeContext.DS, 0);
    c.segments.loadReal(DecodeContext.SS, 0);
    return c;
  }

  private static Insn decode(String hex) {
    return decode(hex, 16);
  }

  private static Insn decode(String hex, int codeBits) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    DecodeContext d = new DecodeContext(CpuModel.X86_64_V2);
    d.begin(at -> code[at] & 0xFF, 0x100, codeBits, false);
    return OpcodeTable.decode(d);
  }

  /** What a vCPU does over and over. */
  private interface Body {
    void round(SoftCpu c);
  }

  private void onTwoCpus(int address, Body body) throws Exception {
    onTwoCpus(address, body, body);
  }

  private void onTwoCpus(int address, Body first, Body second) throws Exception {
    CyclicBarrier start = new CyclicBarrier(2);
    Thread[] threads = new Thread[2];
    for (int t = 0; t < 2; t++) {
      Body body = t == 0 ? first : second;
      SoftCpu c = cpu();
      c.regs[RBX] = address;
      c.regs[RDI] = address;
      threads[t] =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      start.await();
                    } catch (Exception e) {
                      throw new IllegalStateException(e);
                    }
                    for (int i = 0; i < ROUNDS; i++) {
                      body.round(c);
                    }
                  });
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private int incrementedBy(String hex, int address) throws Exception {
    Insn insn = decode(hex);
    memory.zero(WORD, 0x2000);
    onTwoCpus(address, insn::execute);
    return memory.read32(address);
  }

  @Test
  void lockedUpdatesOfAnyWidthAndAlignmentLoseNothing() throws Exception {
    assertEquals(2 * ROUNDS, incrementedBy("f0 66 ff07", WORD)); // lock inc dword [bx]
    assertEquals(2 * ROUNDS, incrementedBy("f0 66 ff07", WORD + 3)); // within 8 bytes
    assertEquals(2 * ROUNDS, incrementedBy("f0 66 ff07", WORD + 6)); // across
    assertEquals(2 * ROUNDS & 0xFFFF, incrementedBy("f0 ff07", WORD + 1)); // word
    assertEquals(2 * ROUNDS & 0xFF, incrementedBy("f0 fe07", WORD + 7)); // byte
    assertEquals(2 * ROUNDS, incrementedBy("f0 66 830701", WORD + 0xFFE)); // across pages
  }

  @Test
  void withoutLockUpdatesAreLost() throws Exception {
    // Shows that the test above can fail. On a busy host the two may happen not to meet: then
    // again.
    int attempts = 0;
    while (incrementedBy("66 ff07", WORD) == 2 * ROUNDS) {
      attempts++;
      assertTrue(attempts < 100, "no increment was ever lost");
    }
  }

  @Test
  void neighboursInAWordAreLeftAlone() throws Exception {
    Insn low = decode("f0 fe07"); // lock inc byte [bx]
    Insn high = decode("f0 fe4701"); // lock inc byte [bx+1]
    memory.zero(WORD, 8);
    onTwoCpus(
        WORD,
        c -> {
          low.execute(c);
          high.execute(c);
        });
    int each = 2 * ROUNDS & 0xFF;
    assertEquals(each | each << 8, memory.read32(WORD));
  }

  @Test
  void exchangeIsAtomicWithoutPrefix() throws Exception {
    // A spin lock of XCHG protects an increment that is not atomic itself.
    Insn exchange = decode("66 8707"); // xchg [bx], eax
    Insn increment = decode("66 ff4740"); // inc dword [bx+0x40]
    memory.zero(WORD, 128);
    onTwoCpus(
        WORD,
        c -> {
          do {
            c.regs[RAX] = 1;
            exchange.execute(c);
          } while (c.regs[RAX] != 0);
          increment.execute(c);
          exchange.execute(c);
        });
    assertEquals(2 * ROUNDS, memory.read32(WORD + 0x40));
  }

  @Test
  void aReleaseIsNotLostInAPageThatAlsoHoldsCode() throws Exception {
    // A failed CMPXCHG writes what it has read: not over a plain store that came in between.
    Insn compareExchange = decode("f0 0fb00f"); // lock cmpxchg [bx], cl
    Insn increment = decode("66 ff4740"); // inc dword [bx+0x40]
    Insn release = decode("c60700"); // mov byte [bx], 0
    memory.zero(WORD, 128);
    codeMap.claim(WORD >>> 12, 5);
    onTwoCpus(
        WORD,
        c -> {
          c.regs[RCX] = 1;
          long turns = 0;
          do {
            c.regs[RAX] = 0;
            compareExchange.execute(c);
            if (++turns > 200_000_000) {
              throw new IllegalStateException("nobody holds the lock, and nobody gets it");
            }
          } while (!c.condition(4));
          increment.execute(c);
          release.execute(c);
        });
    assertEquals(2 * ROUNDS, memory.read32(WORD + 0x40));
  }

  @Test
  void compareAndExchangeSucceedsOnceAValue() throws Exception {
    Insn compareExchange = decode("f0 66 0fb10f"); // lock cmpxchg [bx], ecx
    memory.zero(WORD, 8);
    onTwoCpus(
        WORD,
        c -> {
          do {
            c.regs[RCX] = c.regs[RAX] + 1;
            compareExchange.execute(c);
          } while (!c.condition(4));
        });
    assertEquals(2 * ROUNDS, memory.read32(WORD));
  }

  @Test
  void exchangeAndAddGivesEachValueOnce() throws Exception {
    Insn exchangeAdd = decode("f0 66 0fc107"); // lock xadd [bx], eax
    memory.zero(WORD, 8);
    byte[] seen = new byte[2 * ROUNDS];
    onTwoCpus(
        WORD,
        c -> {
          c.regs[RAX] = 1;
          exchangeAdd.execute(c);
          seen[(int) c.regs[RAX]]++;
        });
    for (byte times : seen) {
      assertEquals(1, times);
    }
  }

  @Test
  void addWithCarryKeepsItsCarryWhenItHasToTryAgain() throws Exception {
    Insn addCarry = decode("f0 66 831700"); // lock adc dword [bx], 0
    memory.zero(WORD, 8);
    onTwoCpus(
        WORD,
        c -> {
          c.setArithmeticFlags(Flags.CF);
          addCarry.execute(c);
        });
    assertEquals(2 * ROUNDS, memory.read32(WORD));
  }

  @Test
  void sixteenBytesAreExchangedTogether() throws Exception {
    Insn compareExchange = decode("f0 48 0fc70f", 64); // lock cmpxchg16b [rdi]
    memory.zero(WORD, 16);
    onTwoCpus(
        WORD,
        c -> {
          do {
            c.regs[RBX] = c.regs[RAX] + 1;
            c.regs[RCX] = c.regs[RDX] + 2;
            compareExchange.execute(c);
          } while (!c.condition(4));
        });
    assertEquals(2 * ROUNDS, memory.read64(WORD));
    assertEquals(4 * ROUNDS, memory.read64(WORD + 8));
  }

  @Test
  @EnabledIfSystemProperty(named = "os.arch", matches = "amd64", disabledReason = HOST_HAS_NONE)
  void aPlainStoreToAHalfIsNotLostInAnExchangeOfSixteenBytes() throws Exception {
    Insn compareExchange = decode("f0 48 0fc70f", 64); // lock cmpxchg16b [rdi]
    memory.zero(WORD, 16);
    Body highUp =
        c -> {
          do {
            c.regs[RBX] = c.regs[RAX];
            c.regs[RCX] = c.regs[RDX] + 1;
            compareExchange.execute(c);
          } while (!c.condition(4));
        };
    assertEquals(0, storesLostTo(highUp, WORD, 8));
    assertEquals(ROUNDS, memory.read64(WORD + 8));
  }

  @Test
  @EnabledIfSystemProperty(named = "os.arch", matches = "amd64", disabledReason = HOST_HAS_NONE)
  void aPlainStoreToAPartIsNotLostInALockedUpdateThatCrosses() throws Exception {
    Insn exchangeAdd = decode("f0 48 0fc107", 64); // lock xadd [rdi], rax
    Body highUp =
        c -> {
          c.regs[RAX] = 1L << 32;
          exchangeAdd.execute(c);
        };
    for (int address : new int[] {WORD + 4, WORD + 60, WORD + 0xFFC}) { // word, line, page
      memory.zero(WORD, 0x2000);
      assertEquals(0, storesLostTo(highUp, address, 4), "at " + Integer.toHexString(address));
      assertEquals(ROUNDS, memory.read32(address + 4));
    }
  }

  /** Returns how many plain stores one vCPU does not find again while another does updates. */
  private long storesLostTo(Body update, int address, int bytes) throws Exception {
    Insn store = decode(bytes == 8 ? "48 8907" : "8907", 64); // mov [rdi], rax
    Insn load = decode(bytes == 8 ? "48 8b17" : "8b17", 64); // mov rdx, [rdi]
    AtomicLong lost = new AtomicLong();
    onTwoCpus(
        address,
        update,
        c -> {
          c.regs[RAX]++;
          store.execute(c);
          load.execute(c);
          if (c.regs[RDX] != c.regs[RAX]) {
            lost.incrementAndGet();
          }
        });
    return lost.get();
  }

  @Test
  void failedExchangesSayWhatTheyFound() {
    Insn compareExchange = decode("f0 48 0fc70f", 64); // lock cmpxchg16b [rdi]
    memory.write64(WORD, 0x1111);
    memory.write64(WORD + 8, 0x2222);
    SoftCpu c = cpu();
    c.regs[RDI] = WORD;
    c.regs[RAX] = 0x1111;
    c.regs[RBX] = 3;
    compareExchange.execute(c);
    assertFalse(c.condition(4));
    assertEquals(0x1111, c.regs[RAX]);
    assertEquals(0x2222, c.regs[RDX]);
    assertEquals(0x1111, memory.read64(WORD));
    compareExchange.execute(c);
    assertTrue(c.condition(4));
    assertEquals(3, memory.read64(WORD));
    assertEquals(0, memory.read64(WORD + 8));
  }
}
