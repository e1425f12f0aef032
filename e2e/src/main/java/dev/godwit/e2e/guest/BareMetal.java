package dev.godwit.e2e.guest;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Compiles bare-metal guests; {@code long-mode.inc} is what they start with. */
public final class BareMetal {
  private static final List<String> GCC =
      List.of(
          "gcc",
          "-m64",
          "-O2",
          "-ffreestanding",
          "-fno-pic",
          "-fno-pie",
          "-mno-red-zone",
          "-mno-sse",
          "-mno-mmx",
          "-fno-stack-protector",
          "-fno-tree-loop-distribute-patterns",
          "-fcf-protection=none",
          "-fno-asynchronous-unwind-tables",
          "-nostdlib",
          "-static",
          "-Wl,-Ttext=0x100000,--build-id=none,-N,--no-warn-rwx-segments");

  private BareMetal() {}

  /**
   * Compiles a guest.
   *
   * @param folder where its files go, sources included
   * @param owner whose resources the sources are
   * @param sources their names; the first is what the image begins with
   * @param options more of gcc's
   * @return the image in the folder, a Multiboot kernel
   */
  public static Path build(Path folder, Class<?> owner, List<String> sources, List<String> options)
      throws IOException, InterruptedException {
    extract(BareMetal.class, "long-mode.inc", folder);
    Path elf = folder.resolve("guest.elf");
    Path flat = folder.resolve("guest");
    List<String> gcc = new ArrayList<>(GCC);
    gcc.addAll(options);
    gcc.addAll(List.of("-o", elf.toString()));
    for (String source : sources) {
      gcc.add(extract(owner, source, folder).toString());
    }
    execute(gcc);
    execute(List.of("objcopy", "-O", "binary", elf.toString(), flat.toString()));
    return flat;
  }

  private static Path extract(Class<?> owner, String name, Path folder) throws IOException {
    Path file = folder.resolve(name);
    try (InputStream resource = owner.getResourceAsStream(name)) {
      if (resource == null) {
        throw new IOException(name + " is not in the jar");
      }
      Files.copy(resource, file, StandardCopyOption.REPLACE_EXISTING);
    }
    return file;
  }

  private static void execute(List<String> command) throws IOException, InterruptedException {
    int status = new ProcessBuilder(command).inheritIO().start().waitFor();
    if (status != 0) {
      throw new IOException(command.getFirst() + " failed with status " + status);
    }
  }
}
