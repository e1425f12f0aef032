package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.CodeHint;
import dev.godwit.cpu.CpuModel;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CodeCorpusTest {
  private static final long FIRST_GFN = 0x300;

  private static final int[] PREFIXES = {0, 0x66, 0x48, 0xF2, 0xF3};

  /** Nodes that 64-bit code never has, or that stand for no bytes. */
  private static final Set<String> NOT_DECODED =
      Set.of(
          "Block$Stop",
          "MiscNodes$Bcd",
          "MiscNodes$Salc",
          "StackNodes$PushAll",
          "StackNodes$PopAll");

  /** What tells one meaning from another; {@code row} is ModRM.reg, or -1. */
  private record Form(int map, int opcode, int prefix, boolean register, int row) {}

  /** Says whether nothing follows: after the end of the last page's code. */
  private static boolean isZeroFrom(byte[] page, int at) {
    return Arrays.equals(page, at, page.length, new byte[page.length - at], 0, page.length - at);
  }

  /** Shows each instruction, decoded one after the other, as its bytes are laid out. */
  private static void forEach(BiConsumer<DecodeContext, Insn> look) {
    DecodeContext d = new DecodeContext(CpuModel.DEFAULT);
    for (CodeCorpus.Page page : CodeCorpus.pages(FIRST_GFN)) {
      CodeAhead.PageCode code = new CodeAhead.PageCode(page.content(), 0);
      try {
        while (!isZeroFrom(page.content(), code.at())) {
          d.begin(code, 0, 64, false);
          Insn insn = OpcodeTable.decode(d);
          int length = d.length(); // reading ModRM where there is none makes it grow
          look.accept(d, insn);
          code.advance(length);
        }
      } catch (GuestFault end) {
        assertTrue(page.content().length - code.at() < DecodeContext.MAX_BYTES, "no instruction");
      }
    }
  }

  private static boolean isDefined(Insn insn) {
    return !(insn instanceof MiscNodes.Undefined);
  }

  private static int prefixOf(DecodeContext d) {
    return d.rep() != 0 ? d.rep() : d.hasOperandPrefix() ? 0x66 : d.rex() == 0x48 ? 0x48 : 0;
  }

  @Test
  void itHasEveryOpcodeWithEveryPrefixThatMatters() {
    Set<Form> there = new HashSet<>();
    forEach(
        (d, insn) -> {
          int length = d.length();
          d.modrm();
          boolean without = d.length() > length;
          for (int row : new int[] {-1, d.regField()}) {
            there.add(new Form(d.map(), d.opcode(), prefixOf(d), d.isRegister(), row));
            if (without) {
              there.add(new Form(d.map(), d.opcode(), prefixOf(d), !d.isRegister(), row));
            }
          }
        });
    Set<String> missing = new TreeSet<>();
    for (Form form : defined()) {
      if (!there.contains(form)) {
        missing.add(form.toString());
      }
    }
    assertEquals(Set.of(), missing);
  }

  /** Finds what there is by trying; of opcodes with holes in their rows, each row. */
  private static Set<Form> defined() {
    Set<Form> forms = new HashSet<>();
    for (int map = 0; map < 4; map++) {
      for (int opcode = 0; opcode < 256; opcode++) {
        for (int prefix : PREFIXES) {
          for (boolean register : new boolean[] {false, true}) {
            Set<Form> rows = new HashSet<>();
            for (int row = 0; row < 8; row++) {
              boolean ofRegistersOnly = map == 1 && opcode >> 2 == 0x20 >> 2;
              if ((register || !ofRegistersOnly)
                  && isDefined(map, opcode, prefix, (register ? 0xC1 : 1) | row << 3)) {
                rows.add(new Form(map, opcode, prefix, register, row));
              }
            }
            if (rows.size() == 8) {
              forms.add(new Form(map, opcode, prefix, register, -1));
            } else {
              forms.addAll(rows);
            }
          }
        }
      }
    }
    return forms;
  }

  private static boolean isDefined(int map, int opcode, int prefix, int modrm) {
    int[] escape = {-1, 0x0F, 0x0F38, 0x0F3A};
    byte[] bytes = new byte[20];
    int n = 0;
    if (prefix != 0) {
      bytes[n++] = (byte) prefix;
    }
    if (map > 1) {
      bytes[n++] = 0x0F;
    }
    if (map > 0) {
      bytes[n++] = (byte) escape[map];
    }
    bytes[n++] = (byte) opcode;
    bytes[n] = (byte) modrm;
    DecodeContext d = new DecodeContext(CpuModel.DEFAULT);
    d.begin(offset -> bytes[offset] & 0xFF, 0, 64, false);
    return d.map() == map && d.opcode() == opcode && isDefined(OpcodeTable.decode(d));
  }

  @Test
  void everyNodeThatCodeCanBecomeIsMade() throws Exception {
    Set<String> made = new HashSet<>();
    forEach((d, insn) -> made.add(insn.getClass().getName()));
    Set<String> missing = new TreeSet<>();
    for (String name : nodes()) {
      if (!made.contains(name)
          && !NOT_DECODED.contains(name.substring(name.lastIndexOf('.') + 1))) {
        missing.add(name);
      }
    }
    assertEquals(Set.of(), missing);
  }

  private static List<String> nodes()
      throws IOException, URISyntaxException, ClassNotFoundException {
    Path folder = Path.of(Insn.class.getResource("Insn.class").toURI()).getParent();
    List<String> names;
    try (Stream<Path> files = Files.list(folder)) {
      names =
          files
              .map(file -> file.getFileName().toString())
              .filter(file -> file.endsWith(".class") && !file.startsWith("package-info"))
              .map(file -> "dev.godwit.cpu.soft." + file.substring(0, file.length() - 6))
              .collect(Collectors.toList());
    }
    for (String name : List.copyOf(names)) {
      Class<?> type = Class.forName(name, false, Insn.class.getClassLoader());
      if (!Insn.class.isAssignableFrom(type) || Modifier.isAbstract(type.getModifiers())) {
        names.remove(name);
      }
    }
    assertTrue(names.size() > 100, "only " + names);
    return names;
  }

  @Test
  void itsHintsLeadToAllOfIt() {
    int[] insns = new int[1];
    forEach((d, insn) -> insns[0]++);
    BlockDecoder decoder = new BlockDecoder(CpuModel.DEFAULT);
    int decoded = 0;
    int cut = 0;
    long gfn = FIRST_GFN;
    for (CodeCorpus.Page page : CodeCorpus.pages(FIRST_GFN)) {
      assertEquals(gfn++, page.gfn());
      for (CodeHint hint : page.code()) {
        assertEquals(page.gfn(), hint.gfn());
        try {
          CodeAhead.PageCode code =
              new CodeAhead.PageCode(page.content(), (int) hint.rip() & 0xFFF);
          decoded += decoder.decode(code, hint.rip(), 0, hint.rip(), 64, false, false).code.length;
        } catch (GuestFault fault) {
          cut++; // it goes on in the next page
        }
      }
    }
    assertEquals(insns[0], decoded);
    assertTrue(cut > 0, "no page ends in the middle of an instruction that is hinted");
  }
}
