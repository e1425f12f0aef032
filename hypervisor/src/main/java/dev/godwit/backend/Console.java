package dev.godwit.backend;

import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The far end of a serial line that any number of clients attach to.
 *
 * <p>What the guest sends goes into a ring that the clients read at their own pace: a new client
 * gets what is still in the ring (the scroll-back), then what follows. A client that is slower than
 * the guest loses the oldest bytes and is told how many; the guest never waits. What clients send
 * is merged in the order in which it arrives and waits here until the UART has room for it.
 *
 * <p>Neither scroll-back nor waiting input is guest state: they belong to this process and do not
 * move with the machine.
 */
public final class Console implements SerialLine, AutoCloseable {
  /** Bytes of scroll-back unless said otherwise. */
  public static final int SCROLL_BACK_BYTES = 256 * 1024;

  /** Bytes of input that wait for the guest at most. */
  public static final int INPUT_BYTES = 64 * 1024;

  /** The most that a client is given in one call. */
  private static final int CHUNK_BYTES = 16 * 1024;

  /** How long fresh output waits for more, so that a burst of single bytes becomes one call. */
  private static final long GATHER_MILLIS = 1;

  private static final Logger LOG = LoggerFactory.getLogger(Console.class);

  /**
   * A client's side. Called on a thread of the client's own, one call at a time; may block. One
   * that throws is detached.
   */
  public interface Listener {
    /**
     * Takes output.
     *
     * @param bytes the next bytes; the listener's to keep
     * @param droppedBytes how many bytes before these the client was too slow for, 0 as a rule
     */
    void output(byte[] bytes, long droppedBytes);

    /**
     * Learns that there will be no more output, because the console or the attachment was closed.
     * The last call.
     */
    void closed();
  }

  /** A client's hold on the console. */
  public interface Attachment extends AutoCloseable {
    /**
     * Queues input for the guest. Never blocks.
     *
     * @return how many bytes were taken, from the start; fewer than given when {@link
     *     Console#INPUT_BYTES} wait already, none when closed
     */
    int write(byte[] bytes);

    /** Waits until {@link #write} has room for at least one byte. Returns false when closed. */
    boolean awaitRoom() throws InterruptedException;

    /** Detaches. What the listener has not got yet is not delivered. Idempotent. */
    @Override
    void close();
  }

  private final byte[] ring;
  private final byte[] input = new byte[INPUT_BYTES];
  private final List<Client> clients = new ArrayList<>();

  /** How many clients wait for a byte; one that gathers more is not woken by each of them. */
  private int idleClients;

  /** How many bytes the guest has sent: the ring holds the last of them. */
  private long sentBytes;

  private int inputStart;
  private int inputCount;
  private boolean closed;
  private volatile Runnable inputArrived = () -> {};

  /** Makes a console with the usual scroll-back. */
  public Console() {
    this(SCROLL_BACK_BYTES);
  }

  /**
   * Makes a console.
   *
   * @param scrollBackBytes how much output a new client gets, and how far a slow one may fall
   *     behind
   */
  public Console(int scrollBackBytes) {
    if (scrollBackBytes < 1) {
      throw new IllegalArgumentException("scroll-back of " + scrollBackBytes + " bytes");
    }
    this.ring = new byte[scrollBackBytes];
  }

  @Override
  public synchronized void transmit(int octet) {
    ring[(int) (sentBytes % ring.length)] = (byte) octet;
    sentBytes++;
    if (idleClients > 0) {
      notifyAll();
    }
  }

  @Override
  public synchronized int receive() {
    if (inputCount == 0) {
      return -1;
    }
    if (inputCount == INPUT_BYTES) {
      notifyAll();
    }
    int octet = input[inputStart] & 0xFF;
    inputStart = (inputStart + 1) % INPUT_BYTES;
    inputCount--;
    return octet;
  }

  @Override
  public void onInput(Runnable arrived) {
    inputArrived = arrived;
    arrived.run();
  }

  /** Returns what the scroll-back holds now. */
  public synchronized byte[] scrollBack() {
    long start = Math.max(0, sentBytes - ring.length);
    return copy(start, (int) (sentBytes - start));
  }

  /**
   * Attaches a client: the scroll-back comes first, then live output. A closed console gives its
   * scroll-back and ends.
   */
  public Attachment attach(Listener listener) {
    return attach(listener, true);
  }

  /** As {@link #attach(Listener)}, if {@code scrollBack}; else without what is in the ring now. */
  public Attachment attach(Listener listener, boolean scrollBack) {
    Client client = new Client(listener);
    synchronized (this) {
      client.position = scrollBack ? Math.max(0, sentBytes - ring.length) : sentBytes;
      clients.add(client);
    }
    // Not a virtual one: to wake that takes three others, and a vCPU waits for the CPU meanwhile.
    Thread.ofPlatform().daemon().name("console-client").start(client::deliver);
    return client;
  }

  /**
   * Ends the console: each client gets what is left in the ring for it and is told that this was
   * all. Idempotent.
   */
  @Override
  public synchronized void close() {
    closed = true;
    notifyAll();
  }

  private byte[] copy(long start, int count) {
    byte[] bytes = new byte[count];
    int from = (int) (start % ring.length);
    int untilWrap = Math.min(count, ring.length - from);
    System.arraycopy(ring, from, bytes, 0, untilWrap);
    System.arraycopy(ring, 0, bytes, untilWrap, count - untilWrap);
    return bytes;
  }

  private final class Client implements Attachment {
    private final Listener listener;

    /** Number of the next byte to give to the client, counted from the console's start. */
    private long position;

    private boolean detached;

    private Client(Listener listener) {
      this.listener = listener;
    }

    private void deliver() {
      try {
        while (deliverNext()) {
          // Each round gives one chunk.
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (RuntimeException e) {
        LOG.warn("a console client failed and is detached: {}", e.toString());
      } finally {
        close();
        listener.closed();
      }
    }

    private boolean deliverNext() throws InterruptedException {
      byte[] bytes;
      long droppedBytes;
      synchronized (Console.this) {
        if (position == sentBytes) {
          idleClients++;
          try {
            while (position == sentBytes && !closed && !detached) {
              Console.this.wait();
            }
          } finally {
            idleClients--;
          }
          if (!closed && !detached) {
            Console.this.wait(GATHER_MILLIS);
          }
        }
        if (detached || position == sentBytes) {
          return false;
        }
        long start = Math.max(position, sentBytes - ring.length);
        droppedBytes = start - position;
        bytes = copy(start, (int) Math.min(CHUNK_BYTES, sentBytes - start));
        position = start + bytes.length;
      }
      listener.output(bytes, droppedBytes);
      return true;
    }

    @Override
    public int write(byte[] bytes) {
      int taken;
      synchronized (Console.this) {
        if (detached || closed) {
          return 0;
        }
        taken = Math.min(bytes.length, INPUT_BYTES - inputCount);
        for (int i = 0; i < taken; i++) {
          input[(inputStart + inputCount + i) % INPUT_BYTES] = bytes[i];
        }
        inputCount += taken;
      }
      if (taken > 0) {
        inputArrived.run();
      }
      return taken;
    }

    @Override
    public boolean awaitRoom() throws InterruptedException {
      synchronized (Console.this) {
        while (inputCount == INPUT_BYTES && !closed && !detached) {
          Console.this.wait();
        }
        return !closed && !detached;
      }
    }

    @Override
    public void close() {
      synchronized (Console.this) {
        detached = true;
        clients.remove(this);
        Console.this.notifyAll();
      }
    }
  }
}
