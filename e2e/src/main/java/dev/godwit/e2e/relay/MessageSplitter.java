package dev.godwit.e2e.relay;

import dev.godwit.e2e.relay.Boundary.Side;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the messages in the DATA of one direction of a call: each has a prefix of five bytes, the
 * last four of which are its length ("gRPC over HTTP/2", Length-Prefixed-Message).
 */
final class MessageSplitter {
  /**
   * A part of a message, or all of it.
   *
   * @param bytes what goes into a DATA frame
   * @param begins the message that begins with them; null if it did before
   * @param ends the message that ends with them; null if it goes on
   */
  record Part(byte[] bytes, @Nullable Boundary begins, @Nullable Boundary ends) {}

  private static final int PREFIX_BYTES = 5;

  /** So much of a message says which it is. */
  private static final int HEAD_BYTES = PREFIX_BYTES + 48;

  /**
   * The largest frame that may be sent without asking (RFC 9113, SETTINGS_MAX_FRAME_SIZE); whoever
   * sends a larger one has asked.
   */
  private static final int MAX_FRAME_BYTES = 16 << 10;

  private final Side sender;
  private final String call;
  private final boolean stopsAfterRound0;
  private byte[] waiting = {};
  private int messages;
  private long missing;
  private @Nullable Boundary current;

  /**
   * @param stopsAfterRound0 whether the machine stands from round 1 on
   */
  MessageSplitter(Side sender, String call, boolean stopsAfterRound0) {
    this.sender = sender;
    this.call = call;
    this.stopsAfterRound0 = stopsAfterRound0;
  }

  /**
   * Takes the next bytes and returns what can go on.
   *
   * @param bytes what one frame carried
   * @param last whether nothing follows: then all of it goes on
   */
  List<Part> take(byte[] bytes, boolean last) {
    byte[] all = Arrays.copyOf(waiting, waiting.length + bytes.length);
    System.arraycopy(bytes, 0, all, waiting.length, bytes.length);
    List<Part> parts = new ArrayList<>();
    int most = Math.max(bytes.length, MAX_FRAME_BYTES);
    int at = 0;
    while (at < all.length) {
      Boundary begins = null;
      if (missing == 0) {
        long length = messageBytes(all, at);
        if (length < 0 || (!last && all.length - at < Math.min(length, HEAD_BYTES))) {
          break;
        }
        missing = length;
        begins = classify(all, at + PREFIX_BYTES, (int) Math.min(all.length, at + length));
        current = begins;
        messages++;
      }
      int count = (int) Math.min(Math.min(missing, all.length - at), most);
      missing -= count;
      parts.add(
          new Part(Arrays.copyOfRange(all, at, at + count), begins, missing == 0 ? current : null));
      at += count;
    }
    waiting = Arrays.copyOfRange(all, at, all.length);
    if (last && waiting.length > 0) {
      parts.add(new Part(waiting, null, null));
      waiting = new byte[0];
    }
    return parts;
  }

  /** Returns how long the message that begins here is, with its prefix; -1 if that is not here. */
  private static long messageBytes(byte[] bytes, int at) {
    if (bytes.length - at < PREFIX_BYTES) {
      return -1;
    }
    long length = 0;
    for (int i = 1; i < PREFIX_BYTES; i++) {
      length = length << 8 | bytes[at + i] & 0xFF;
    }
    return PREFIX_BYTES + length;
  }

  private Boundary classify(byte[] bytes, int from, int to) {
    return switch (call) {
      case Boundary.PAGES -> pages(new Fields(bytes, from, to));
      case Boundary.FINISH -> finish(new Fields(bytes, from, to));
      default -> sender == Side.SOURCE ? Boundary.request(call) : Boundary.reply(call);
    };
  }

  /** PageBatch: token 1, sequence 2, round 3, runs 4, round_end 5. RoundReceived: round 1. */
  private Boundary pages(Fields fields) {
    if (messages == 0) {
      return sender == Side.SOURCE ? Boundary.PAGES_OPENING : Boundary.PAGES_OPENED;
    }
    long round = 0;
    boolean end = false;
    int roundField = sender == Side.SOURCE ? 3 : 1;
    while (fields.next()) {
      if (fields.number == roundField) {
        round = fields.value;
      }
      end |= sender == Side.SOURCE && fields.number == 5;
    }
    String name = Boundary.ROUNDS.get(round == 0 ? 0 : stopsAfterRound0 ? 2 : 1);
    return sender == Side.DESTINATION
        ? Boundary.receipt(name)
        : end ? Boundary.roundEnd(name) : Boundary.pages(name);
  }

  /** FinishPart: token 1, section 2, metadata 3. */
  private Boundary finish(Fields fields) {
    if (sender == Side.DESTINATION) {
      return Boundary.reply(call);
    }
    boolean metadata = false;
    while (fields.next()) {
      metadata |= fields.number == 3;
    }
    return new Boundary(
        sender, call, metadata ? "metadata" : messages == 0 ? "first section" : "section");
  }

  /** Walks over the fields of a message of which only the beginning may be there. */
  private static final class Fields {
    private final byte[] bytes;
    private final int to;
    private int at;
    private int number;
    private long value;

    Fields(byte[] bytes, int from, int to) {
      this.bytes = bytes;
      this.at = from;
      this.to = to;
    }

    boolean next() {
      if (at >= to) {
        return false;
      }
      long tag = varint();
      number = (int) (tag >>> 3);
      switch ((int) (tag & 7)) {
        case 0 -> value = varint();
        case 1 -> at += 8;
        case 2 -> {
          // Not in one step: reading the length moves on, too.
          long length = varint();
          at += (int) Math.min(length, to);
        }
        case 5 -> at += 4;
        default -> at = to;
      }
      return true;
    }

    private long varint() {
      long result = 0;
      for (int shift = 0; shift < 64 && at < to; shift += 7) {
        byte b = bytes[at++];
        result |= (b & 0x7FL) << shift;
        if (b >= 0) {
          break;
        }
      }
      return result;
    }
  }
}
