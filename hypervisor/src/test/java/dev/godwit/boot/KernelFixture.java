package dev.godwit.boot;

import dev.godwit.cpu.VcpuState;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import net.jpountz.lz4.LZ4Factory;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Kernels that are none, but have the form of one. */
final class KernelFixture {
  static final long KERNEL_GPA = 0x100_0000;
  static final int SETUP_SECTORS = 3;
  static final int CODE_OFFSET = (SETUP_SECTORS + 1) * 512;
  static final int PAYLOAD_OFFSET = 0x300;
  static final int INIT_BYTES = 4 << 20;

  private KernelFixture() {}

  /** A vmlinux with a code segment and one that is mostly zero. */
  static byte[] vmlinux() {
    byte[] code = new byte[100_000];
    for (int i = 0; i < code.length; i++) {
      code[i] = (byte) (i * 31 >> 3);
    }
    Struct elf = new Struct(0x1000 + code.length + 16);
    elf.add32(0x464C_457F).add8(2, 1, 1).put16(16, 2).put16(18, 62).put64(24, KERNEL_GPA + 0x20);
    elf.put64(32, 64).put16(54, 56).put16(56, 2);
    putSegment(elf, 64, 0x1000, KERNEL_GPA, code.length, code.length);
    putSegment(elf, 64 + 56, 0x1000 + code.length, KERNEL_GPA + 0x20_0000, 16, 0x1_0000);
    elf.put(0x1000, code).put64(0x1000 + code.length, 0x1122_3344_5566_7788L);
    return elf.bytes();
  }

  private static void putSegment(
      Struct elf, int at, long offset, long gpa, long fileBytes, long memoryBytes) {
    elf.put32(at, 1).put64(at + 8, offset).put64(at + 16, gpa - 0x7F00_0000).put64(at + 24, gpa);
    elf.put64(at + 32, fileBytes).put64(at + 40, memoryBytes);
  }

  /** A bzImage around a payload. */
  static Struct bzImage(byte[] payload) {
    Struct image = new Struct(CODE_OFFSET + PAYLOAD_OFFSET + payload.length + 64);
    image.put8(0x1F1, SETUP_SECTORS).put16(0x1FE, 0xAA55).put8(0x200, 0xEB).put8(0x201, 0x66);
    image.put32(0x202, 0x5372_6448).put16(0x206, 0x020F).put8(0x211, 1);
    image.put32(0x22C, 0x7FFF_FFFF).put16(0x236, 0x3F).put32(0x238, 2047);
    image.put32(0x248, PAYLOAD_OFFSET).put32(0x24C, payload.length);
    image.put64(0x258, KERNEL_GPA).put32(0x260, INIT_BYTES);
    image.put(CODE_OFFSET + PAYLOAD_OFFSET, payload);
    image.put32(CODE_OFFSET + 0x200, 0xF4F4_F4F4);
    return image;
  }

  /** Packs as the kernel's build does with CONFIG_KERNEL_LZ4, in blocks of 8 MiB. */
  static byte[] lz4(byte[] data) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(number(0x184C_2102));
    for (int at = 0; at < data.length; at += 8 << 20) {
      int length = Math.min(8 << 20, data.length - at);
      byte[] block = LZ4Factory.safeInstance().fastCompressor().compress(data, at, length);
      out.writeBytes(number(block.length));
      out.writeBytes(block);
    }
    out.writeBytes(number(data.length));
    return out.toByteArray();
  }

  static byte[] gzip(byte[] data) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  static byte[] xz(byte[] data) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (XZOutputStream xz = new XZOutputStream(out, new LZMA2Options(1))) {
      xz.write(data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    out.writeBytes(number(data.length));
    return out.toByteArray();
  }

  /** What looks like zstd, which we do not unpack. */
  static byte[] zstd() {
    byte[] data = new byte[1000];
    data[0] = 0x28;
    data[1] = (byte) 0xB5;
    data[2] = 0x2F;
    data[3] = (byte) 0xFD;
    return data;
  }

  private static byte[] number(int value) {
    return new Struct(4).add32(value).bytes();
  }

  /** A vCPU's state after reset, as far as the loader looks at it. */
  static VcpuState atReset() {
    VcpuState.Segment none = new VcpuState.Segment(0, 0, 0xFFFF, 0x93);
    TreeMap<Integer, Long> msrs = new TreeMap<>();
    msrs.put(0x1B, 0xFEE0_0900L);
    msrs.put(0xC000_0080, 0L);
    return new VcpuState(
        new long[16],
        0xFFF0,
        2,
        List.of(none, none, none, none, none, none),
        none,
        none,
        new VcpuState.Table(0, 0xFFFF),
        new VcpuState.Table(0, 0xFFFF),
        new VcpuState.Control(0x6000_0010, 0, 0, 0, 0),
        new long[] {0, 0, 0, 0, 0xFFFF_0FF0L, 0x400},
        msrs,
        new byte[512],
        VcpuState.Activity.RUNNING,
        false,
        false);
  }
}
