package dev.godwit.device.pci;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Extended message-signalled interrupts (PCI 3.0 §6.8.2): a table of messages and one of pending
 * bits, in a BAR of the function that holds nothing else.
 *
 * <p>Enable and function mask are in the configuration space, the table and the pending bits in a
 * {@link MsixTable}.
 */
public final class MsixCapability implements PciCapability, BarHandler {
  /** The most vectors that the format allows. */
  public static final int MAX_VECTORS = 2048;

  private static final int ID = 0x11;
  private static final int LENGTH_BYTES = 12;
  private static final int CONTROL = 2;
  private static final int TABLE = 4;
  private static final int PENDING_TABLE = 8;
  private static final int ENABLE = 1 << 15;
  private static final int FUNCTION_MASK = 1 << 14;

  private static final int ENTRY_BYTES = 16;
  private static final int ENTRY_WORDS = 4;
  private static final int DATA_WORD = 2;
  private static final int CONTROL_WORD = 3;
  private static final int MASKED = 1;

  private final PciFunction function;
  private final int bar;
  private final int vectors;
  private final long pendingOffset;
  private int offset;

  /** The table as the guest sees it: address low and high, data, control for each vector. */
  private final int[] table;

  private final boolean[] pending;

  MsixCapability(PciFunction function, int bar, int vectors) {
    if (vectors < 1 || vectors > MAX_VECTORS) {
      throw new IllegalArgumentException(vectors + " MSI-X vectors");
    }
    this.function = function;
    this.bar = bar;
    this.vectors = vectors;
    this.table = new int[vectors * ENTRY_WORDS];
    this.pending = new boolean[vectors];
    this.pendingOffset = Math.max(2048, Integer.highestOneBit(vectors * ENTRY_BYTES * 2 - 1));
    reset();
  }

  /** Returns how large its BAR has to be. */
  long barBytes() {
    return 2 * pendingOffset;
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public int lengthBytes() {
    return LENGTH_BYTES;
  }

  @Override
  public void declare(ConfigSpace config, int offset) {
    this.offset = offset;
    config.declare(offset + CONTROL, 2, vectors - 1, ENABLE | FUNCTION_MASK);
    config.declare(offset + TABLE, 4, bar, 0);
    config.declare(offset + PENDING_TABLE, 4, pendingOffset | bar, 0);
  }

  @Override
  public void configChanged() {
    deliverPending();
  }

  @Override
  public boolean replacesPin() {
    return enabled();
  }

  @Override
  public void reset() {
    for (int vector = 0; vector < vectors; vector++) {
      for (int word = 0; word < ENTRY_WORDS; word++) {
        table[vector * ENTRY_WORDS + word] = word == CONTROL_WORD ? MASKED : 0;
      }
      pending[vector] = false;
    }
  }

  /** Says whether the guest uses MSI-X: the function's INTx is silent then. */
  public boolean enabled() {
    synchronized (function) {
      return (control() & ENABLE) != 0;
    }
  }

  /** Sends a vector if MSI-X is enabled, or remembers it while it is masked. Any thread. */
  public void send(int vector) {
    synchronized (function) {
      if (enabled()) {
        pending[vector] = true;
        deliverPending();
      }
    }
  }

  private void deliverPending() {
    if ((control() & (ENABLE | FUNCTION_MASK)) != ENABLE) {
      return;
    }
    for (int vector = 0; vector < vectors; vector++) {
      int entry = vector * ENTRY_WORDS;
      if (pending[vector] && (table[entry + CONTROL_WORD] & MASKED) == 0) {
        pending[vector] = false;
        long address = table[entry] & 0xFFFF_FFFFL | (long) table[entry + 1] << 32;
        function.sendMessage(address, table[entry + DATA_WORD]);
      }
    }
  }

  private long control() {
    return function.config().read(offset + CONTROL, 2);
  }

  /** Reads table or pending bits; only aligned accesses of 4 or 8 bytes are defined. */
  @Override
  public long readBar(long at, int sizeBytes) {
    if (sizeBytes < 4 || at % sizeBytes != 0) {
      return 0;
    }
    synchronized (function) {
      long low = readWord(at);
      return sizeBytes == 4 ? low : low | readWord(at + 4) << 32;
    }
  }

  private long readWord(long at) {
    int word = (int) (at / 4);
    if (word < table.length) {
      return table[word] & 0xFFFF_FFFFL;
    }
    long bits = 0;
    long firstVector = (at - pendingOffset) * 8;
    for (int i = 0; i < 32 && at >= pendingOffset && firstVector + i < vectors; i++) {
      bits |= pending[(int) firstVector + i] ? 1L << i : 0;
    }
    return bits;
  }

  @Override
  public void writeBar(long at, int sizeBytes, long value) {
    if (sizeBytes < 4 || at % sizeBytes != 0) {
      return;
    }
    synchronized (function) {
      writeWord(at, (int) value);
      if (sizeBytes == 8) {
        writeWord(at + 4, (int) (value >>> 32));
      }
      deliverPending();
    }
  }

  private void writeWord(long at, int value) {
    int word = (int) (at / 4);
    if (word < table.length) {
      table[word] =
          switch (word % ENTRY_WORDS) {
            case 0 -> value & ~3;
            case CONTROL_WORD -> value & MASKED;
            default -> value;
          };
    }
  }

  MsixTable table() {
    List<MsixTable.Entry> entries = new ArrayList<>();
    BitSet waiting = new BitSet();
    for (int vector = 0; vector < vectors; vector++) {
      int entry = vector * ENTRY_WORDS;
      entries.add(
          new MsixTable.Entry(
              table[entry] & 0xFFFF_FFFFL | (long) table[entry + 1] << 32,
              table[entry + DATA_WORD],
              (table[entry + CONTROL_WORD] & MASKED) != 0));
      waiting.set(vector, pending[vector]);
    }
    return new MsixTable(entries, waiting);
  }

  void setTable(MsixTable saved) {
    for (int vector = 0; vector < vectors; vector++) {
      MsixTable.Entry from = saved.entries().get(vector);
      int entry = vector * ENTRY_WORDS;
      table[entry] = (int) from.address();
      table[entry + 1] = (int) (from.address() >>> 32);
      table[entry + DATA_WORD] = from.data();
      table[entry + CONTROL_WORD] = from.masked() ? MASKED : 0;
      pending[vector] = saved.pending().get(vector);
    }
  }

  int vectors() {
    return vectors;
  }
}
