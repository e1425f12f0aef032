package dev.godwit.e2e.relay;

import dev.godwit.e2e.relay.Boundary.Side;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * One direction of a relayed connection: one thread reads frames, another sends them on, when and
 * as the network of that moment does.
 */
public final class Pump {
  private static final int QUEUED_FRAMES = 256;
  private static final int PIECE_BYTES = 16 << 10;
  private static final long POLL_MILLIS = 2;
  private static final long SWAP_MILLIS = 300;

  private record Queued(Frame frame, long arrivedNanos) {}

  private record Held(Frame frame, long untilNanos) {}

  private final Relay.Connection connection;
  private final FrameStream frames;
  private final Socket target;
  private final Side sender;
  private final BlockingQueue<Queued> queue = new LinkedBlockingQueue<>(QUEUED_FRAMES);

  // What faults do to single messages; touched by the sending thread only.
  private final List<Held> held = new ArrayList<>();
  private int heldStream;
  private long heldUntilNanos;
  private int swappedStream;
  private long swapUntilNanos;
  private boolean firstOfSwapPassed;
  private final List<Frame> swapped = new ArrayList<>();
  private long flippedBit = -1;

  private volatile boolean standing;
  private volatile boolean lost;
  private volatile boolean ended;

  Pump(Relay.Connection connection, FrameStream frames, Socket target, Side sender) {
    this.connection = connection;
    this.frames = frames;
    this.target = target;
    this.sender = sender;
  }

  void start(Relay relay) {
    Thread.ofVirtual().name("relay-read").start(this::read);
    Thread.ofVirtual().name("relay-send").start(() -> send(relay));
  }

  boolean hasLost() {
    return lost;
  }

  boolean hasEnded() {
    return ended;
  }

  /** Nothing more passes. The other connections go on, and so does this one's other direction. */
  public void stand() {
    standing = true;
  }

  /** The frames of a call wait for a while, and those of others overtake them. */
  public void hold(int stream, long millis) {
    heldStream = stream;
    heldUntilNanos = System.nanoTime() + millis * 1_000_000;
  }

  /** The message of a call that passes now changes places with the next one, if one comes soon. */
  public void swap(int stream) {
    swappedStream = stream;
    firstOfSwapPassed = false;
    swapUntilNanos = System.nanoTime() + SWAP_MILLIS * 1_000_000;
  }

  /** One bit of the frame that passes now is another one. */
  public void flip(long bit) {
    flippedBit = bit;
  }

  private void read() {
    try {
      boolean more = true;
      while (more) {
        for (Frame frame : frames.next()) {
          queue.put(new Queued(frame, System.nanoTime()));
          more &= !frame.isEnd();
        }
      }
    } catch (IOException e) {
      // One side has reset it, or what it sends makes no sense any more.
      connection.cut();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void send(Relay relay) {
    try {
      OutputStream out = target.getOutputStream();
      while (!connection.isCut()) {
        release(out);
        Queued next =
            queue.poll(
                POLL_MILLIS * (held.isEmpty() && swapped.isEmpty() ? 50 : 1),
                TimeUnit.MILLISECONDS);
        if (next != null) {
          if (next.frame.isEnd()) {
            awaitPassage(relay, next);
            for (Held h : held) {
              out.write(h.frame.bytes());
            }
            target.shutdownOutput();
            break;
          }
          carry(relay, next, out);
        }
      }
    } catch (IOException e) {
      connection.cut();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      ended = true;
      connection.ended();
    }
  }

  private void carry(Relay relay, Queued next, OutputStream out)
      throws IOException, InterruptedException {
    Frame frame = next.frame;
    Boundary begins = frame.begins();
    if (begins != null) {
      relay.watcher().passing(begins, false, this, frame);
    }
    awaitPassage(relay, next);
    if (relay.from(sender).swallowing || lost) {
      lost = true;
      return;
    }
    if (heldStream != 0 && frame.stream() == heldStream) {
      held.add(new Held(frame, heldUntilNanos));
    } else if (swappedStream != 0 && frame.stream() == swappedStream) {
      swap(frame, out);
    } else {
      write(relay, flipped(frame.bytes()), out);
    }
    Boundary ends = frame.ends();
    if (ends != null) {
      relay.watcher().passing(ends, true, this, frame);
    }
  }

  private void awaitPassage(Relay relay, Queued next) throws InterruptedException {
    long due = next.arrivedNanos + relay.delayNanos();
    while (System.nanoTime() < due && relay.delayNanos() > 0) {
      Thread.sleep(1);
    }
    while ((standing || relay.from(sender).holding) && !connection.isCut()) {
      Thread.sleep(POLL_MILLIS);
    }
  }

  /** As fast as the network is now. */
  private static void write(Relay relay, byte[] bytes, OutputStream out)
      throws IOException, InterruptedException {
    int count;
    for (int at = 0; at < bytes.length; at += count) {
      long limit = relay.bytesPerSecond();
      count = limit > 0 ? Math.min(bytes.length - at, PIECE_BYTES) : bytes.length - at;
      if (limit > 0) {
        TimeUnit.NANOSECONDS.sleep(count * 1_000_000_000L / limit);
      }
      out.write(bytes, at, count);
    }
  }

  private void swap(Frame frame, OutputStream out) throws IOException {
    if (!firstOfSwapPassed) {
      swapped.add(frame);
      firstOfSwapPassed = frame.ends() != null;
      return;
    }
    out.write(frame.bytes());
    if (frame.ends() != null) {
      unswap(out);
    }
  }

  private void unswap(OutputStream out) throws IOException {
    swappedStream = 0;
    for (Frame frame : swapped) {
      out.write(frame.bytes());
    }
    swapped.clear();
  }

  /** Sends what has waited long enough. */
  private void release(OutputStream out) throws IOException {
    long now = System.nanoTime();
    if (heldStream != 0 && now > heldUntilNanos) {
      heldStream = 0;
    }
    for (Iterator<Held> i = held.iterator(); i.hasNext(); ) {
      Held next = i.next();
      if (now <= next.untilNanos) {
        break;
      }
      out.write(next.frame.bytes());
      i.remove();
    }
    if (swappedStream != 0 && now > swapUntilNanos) {
      unswap(out);
    }
  }

  private byte[] flipped(byte[] bytes) {
    if (flippedBit < 0) {
      return bytes;
    }
    byte[] other = bytes.clone();
    int bit = (int) (flippedBit % (8L * bytes.length));
    other[bit / 8] ^= (byte) (1 << bit % 8);
    flippedBit = -1;
    return other;
  }

  @Override
  public String toString() {
    return "from the " + sender;
  }
}
