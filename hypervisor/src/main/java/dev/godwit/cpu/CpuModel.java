package dev.godwit.cpu;

/**
 * The CPU models that guests can be given, by the names of the x86-64 psABI's levels. A model fixes
 * what CPUID says, so a machine meets the same CPU wherever it moves.
 */
public enum CpuModel {
  /** The baseline: SSE2, CMPXCHG8B, FXSR, SYSCALL. */
  X86_64_V1("x86-64-v1");

  private final String title;

  CpuModel(String title) {
    this.title = title;
  }

  /** Returns the name as users and streams write it. */
  public String title() {
    return title;
  }

  /**
   * Returns the model of that name.
   *
   * @throws CpuException {@code UNSUPPORTED}, listing the names there are
   */
  public static CpuModel named(String title) {
    StringBuilder names = new StringBuilder();
    for (CpuModel model : values()) {
      if (model.title.equals(title)) {
        return model;
      }
      names.append(names.isEmpty() ? "" : ", ").append(model.title);
    }
    throw new CpuException(
        CpuException.Code.UNSUPPORTED,
        "CPU model '" + title + "' does not exist in this godwit; there is " + names);
  }
}
