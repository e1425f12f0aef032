package dev.godwit.e2e.relay;

import java.util.ArrayList;
import java.util.List;

/**
 * A kind of message between a source and a destination: just before or just after one of them is
 * where faults strike.
 *
 * @param sender who sends it
 * @param call the gRPC call that it belongs to: "Commit"
 * @param message which of the call's messages
 */
public record Boundary(Side sender, String call, String message) {
  /** The two roles. */
  public enum Side {
    SOURCE,
    DESTINATION
  }

  public static final String REQUEST = "request";
  public static final String REPLY = "reply";

  /** The end of a call: its trailers. */
  public static final String STATUS = "status";

  public static final String PAGES = "Pages";
  public static final String FINISH = "Finish";

  /**
   * The rounds that matter: the first, those while the guest runs, the last while it stands. Which
   * of the last two it is nobody says on the wire: a run is set up so that it has one kind only.
   */
  public static final List<String> ROUNDS = List.of("round 0", "a live round", "the last round");

  public static final Boundary PAGES_OPENING = new Boundary(Side.SOURCE, PAGES, "opening");

  /** What of the stream has landed. */
  public static final Boundary PAGES_OPENED =
      new Boundary(Side.DESTINATION, PAGES, "answer to the opening");

  public static final Boundary FIRST_SECTION = new Boundary(Side.SOURCE, FINISH, "first section");

  /**
   * All that something depends on, in the order in which a migration passes them: not those of
   * hints, which may come or not.
   */
  public static final List<Boundary> ALL = all();

  private static List<Boundary> all() {
    List<Boundary> all = new ArrayList<>();
    unary(all, "Hello");
    unary(all, "Preflight");
    unary(all, "Heartbeat");
    all.add(PAGES_OPENING);
    all.add(PAGES_OPENED);
    for (String round : ROUNDS) {
      all.add(pages(round));
      all.add(roundEnd(round));
      all.add(receipt(round));
    }
    all.add(FIRST_SECTION);
    all.add(new Boundary(Side.SOURCE, FINISH, "section"));
    all.add(new Boundary(Side.SOURCE, FINISH, "metadata"));
    all.add(reply(FINISH));
    all.add(status(FINISH));
    unary(all, "Commit");
    unary(all, "Query");
    unary(all, "Release");
    unary(all, "Abort");
    return List.copyOf(all);
  }

  private static void unary(List<Boundary> all, String call) {
    all.add(request(call));
    all.add(reply(call));
    all.add(status(call));
  }

  public static Boundary request(String call) {
    return new Boundary(Side.SOURCE, call, REQUEST);
  }

  public static Boundary reply(String call) {
    return new Boundary(Side.DESTINATION, call, REPLY);
  }

  public static Boundary status(String call) {
    return new Boundary(Side.DESTINATION, call, STATUS);
  }

  public static Boundary pages(String round) {
    return new Boundary(Side.SOURCE, PAGES, "batch of " + round);
  }

  public static Boundary roundEnd(String round) {
    return new Boundary(Side.SOURCE, PAGES, "end of " + round);
  }

  public static Boundary receipt(String round) {
    return new Boundary(Side.DESTINATION, PAGES, "receipt of " + round);
  }

  /** Says whether it belongs to a round of pages, and to that one. */
  public boolean isOf(String round) {
    return call.equals(PAGES) && message.endsWith(round);
  }

  /** Says whether it is one of several messages in a stream that goes on. */
  public boolean isStreamed() {
    return call.equals(PAGES) || (call.equals(FINISH) && sender == Side.SOURCE);
  }

  @Override
  public String toString() {
    return call + " " + message;
  }
}
