package dev.godwit.cpu;

/**
 * The CPU models that guests can be given, by the names of the x86-64 psABI's levels. A model fixes
 * what CPUID says, so a machine meets the same CPU wherever it moves.
 */
public enum CpuModel {
  /**
   * The baseline: SSE2, CMPXCHG8B, FXSR, SYSCALL. Since the first Godwit also CMPXCHG16B, POPCNT,
   * LAHF and RDRAND, which stay: guests that were saved have found them.
   */
  X86_64_V1("x86-64-v1"),
  /** The second level: SSE3, SSSE3, SSE4.1 and SSE4.2 besides. */
  X86_64_V2("x86-64-v2");

  /** What machines get that ask for none. */
  public static final CpuModel DEFAULT = X86_64_V2;

  private final String title;

  CpuModel(String title) {
    this.title = title;
  }

  /** Returns the name as users and streams write it. */
  public String title() {
    return title;
  }

  /** Says whether the model has SSE3, SSSE3, SSE4.1 and SSE4.2; without them they raise #UD. */
  public boolean hasLaterSse() {
    return this != X86_64_V1;
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
