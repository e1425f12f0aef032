package dev.godwit.guest;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The project's own guest program: its C source is a resource beside this class, and the host's gcc
 * builds it.
 */
final class GuestProgram {
  private static final String SOURCE = "godwit-guest.c";

  /** Free-standing and static: the host's libc, its headers and its defaults have no part in it. */
  private static final List<String> FLAGS =
      List.of(
          "-std=gnu11",
          "-O2",
          "-m64",
          "-march=x86-64",
          "-static",
          "-nostdlib",
          "-ffreestanding",
          "-fno-pie",
          "-no-pie",
          "-fno-stack-protector",
          "-fno-asynchronous-unwind-tables",
          "-fno-tree-loop-distribute-patterns",
          "-fcf-protection=none",
          "-mgeneral-regs-only",
          "-mno-red-zone",
          "-Wl,--build-id=none",
          "-Wl,-z,noexecstack",
          "-s");

  private GuestProgram() {}

  /** Returns the program's source. */
  static byte[] source() {
    try (InputStream in = GuestProgram.class.getResourceAsStream(SOURCE)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks its resource " + SOURCE);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new GuestException(
          GuestException.Code.CACHE_IO, "cannot read the resource " + SOURCE, e);
    }
  }

  /** Returns a digest of all that decides what the program becomes: source, flags, compiler. */
  static String inputs(String compiler) {
    return Sha256.ofTexts(Sha256.of(source()), String.join(" ", FLAGS), compiler);
  }

  /** Returns name and version of the compiler. */
  static String compilerVersion() {
    HostCommand.require(
        "gcc",
        "it builds the guest program; apt-get install gcc, or give --initrd a file of your own");
    HostCommand.Result version = HostCommand.run(Path.of("/"), List.of("gcc", "--version"));
    return version.output().lines().findFirst().orElse("gcc of an unknown version");
  }

  /**
   * Builds the program.
   *
   * @param folder a folder for the source and what becomes of it
   * @return where the program is
   */
  static Path compile(Path folder) {
    Path source = folder.resolve(SOURCE);
    Path program = folder.resolve("godwit-guest");
    try {
      Files.write(source, source());
    } catch (IOException e) {
      throw new GuestException(
          GuestException.Code.CACHE_IO, "cannot write " + source + ": " + e, e);
    }
    List<String> command = new ArrayList<>(List.of("gcc"));
    command.addAll(FLAGS);
    command.addAll(List.of("-o", program.toString(), source.toString()));
    HostCommand.Result built = HostCommand.run(folder, command);
    if (!built.ok()) {
      throw new GuestException(
          GuestException.Code.COMPILE_FAILED,
          "gcc cannot build the guest program (it must target x86-64): " + built.complaint());
    }
    return program;
  }
}
