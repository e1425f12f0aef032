package dev.godwit.e2e.handover;

import dev.godwit.dest.DestState;
import dev.godwit.source.HandoverAnswer;
import dev.godwit.source.MigrationException;
import dev.godwit.source.SourceState;
import dev.godwit.wire.PeerError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Both sides and the network between them, explored from the beginning of a migration until nothing
 * new comes: messages are delivered in any order, more than once, late or never; either side fails,
 * cancels, times out, does nothing for as long as it likes, or dies at any moment. A second process
 * on the destination's host may be asked at any moment, also while the first one lives, and looks
 * for the mark of the machine's not having been started, which may get lost at any moment.
 *
 * <p>What a side does in a state is what {@code LiveMigration} and {@code Receiver} do: the
 * source's machine runs unless it stands for the last pages or was given away; the destination's
 * runs in Running and after it.
 */
final class HandoverModel {
  /** How often COMMIT is sent at most; beyond that nothing new can happen. */
  private static final int MAX_ATTEMPTS = 3;

  private static final PeerError ERROR = new PeerError(PeerError.Code.TIMEOUT, "x");

  /** Messages on their way; each may be delivered any number of times, or never. */
  enum Message {
    COMPLETE,
    COMMIT,
    QUERY,
    ABORT,
    SAYS_RUNNING,
    SAYS_READY,
    SAYS_NEVER,
    SAYS_NEVER_STARTED
  }

  /**
   * The second process on the destination's host, which is asked about a token it does not know.
   */
  enum Witness {
    /** It is not being asked, or has said that it knows nothing. */
    IDLE,
    /** It was asked. */
    ASKED,
    /** It has seen one half of the proof. */
    HALF_PROVEN,
    /** It says that the first process died without having started the machine. */
    PROVEN;

    /**
     * As {@code MarkSocket.isLeftBehind} does: first nobody listens, then the mark is still there.
     */
    static Witness look(Witness witness, boolean listening, boolean marked) {
      return switch (witness) {
        case IDLE -> IDLE;
        case ASKED -> listening ? IDLE : HALF_PROVEN;
        case HALF_PROVEN -> marked ? PROVEN : IDLE;
        case PROVEN -> IDLE;
      };
    }
  }

  /** What the second process has found out after one more look. */
  interface Look {
    /**
     * @param listening whether the mark's socket is listened on
     * @param marked whether the mark is there
     */
    Witness next(Witness witness, boolean listening, boolean marked);
  }

  /**
   * All there is.
   *
   * @param source null when its process has died
   * @param destination null when its process has died
   * @param flying messages that were sent: they may come now, later, again, or not
   * @param witness the second process on the destination's host
   * @param marked whether the mark of the machine's not having been started is there
   * @param ran whether the machine may have run at the destination, for however short
   */
  record World(
      @Nullable SourceState source,
      @Nullable DestState destination,
      Set<Message> flying,
      Witness witness,
      boolean marked,
      boolean ran) {
    World sourceDied() {
      return new World(null, destination, flying, witness, marked, ran);
    }

    World with(SourceState other, Set<Message> messages) {
      return new World(other, destination, messages, witness, marked, ran);
    }

    /** The mark is gone where the machine may run, and that it did is not forgotten. */
    World with(DestState other, Set<Message> messages) {
      return new World(
          source,
          other,
          messages,
          witness,
          marked && !(other instanceof DestState.Unmarked),
          ran || other instanceof DestState.Running);
    }

    World with(Witness other, Set<Message> messages) {
      return new World(source, destination, messages, other, marked, ran);
    }

    World withoutMark() {
      return new World(source, destination, flying, witness, false, ran);
    }

    World destinationDied() {
      return new World(
          source,
          null,
          flying,
          witness,
          marked,
          // Nobody knows how far it came with letting the vCPUs go.
          ran || destination instanceof DestState.Unmarked);
    }

    /** An end of the destination's socket: also one that gave up for good may close it. */
    boolean listening() {
      return destination != null && !(destination instanceof DestState.Aborted);
    }

    boolean sourceRuns() {
      return switch (source) {
        case null -> false;
        // Prepared stands too, but may go on at any moment by itself: nothing may run elsewhere
        // meanwhile.
        case SourceState.Copying s -> true;
        case SourceState.Prepared s -> true;
        case SourceState.Kept s -> true;
        case SourceState.Committing s -> false;
        case SourceState.Asking s -> false;
        case SourceState.GivenAway s -> false;
      };
    }

    boolean destinationRuns() {
      return destination instanceof DestState.Running || destination instanceof DestState.Over;
    }
  }

  /** A rule that a world breaks. */
  record Violation(String rule, World world, List<String> path) {}

  private final BiFunction<SourceState, SourceState.Event, SourceState> sourceNext;
  private final BiFunction<DestState, DestState.Event, DestState> destNext;
  private final Look look;
  private final Map<World, @Nullable World> cameFrom = new HashMap<>();
  private final Map<World, Set<World>> successors = new HashMap<>();

  HandoverModel(
      BiFunction<SourceState, SourceState.Event, SourceState> sourceNext,
      BiFunction<DestState, DestState.Event, DestState> destNext,
      Look look) {
    this.sourceNext = sourceNext;
    this.destNext = destNext;
    this.look = look;
  }

  int worlds() {
    return cameFrom.size();
  }

  /** Explores everything; returns what is wrong, or null. */
  @Nullable Violation explore() {
    Deque<World> left = new ArrayDeque<>();
    World begin =
        new World(
            new SourceState.Copying(),
            new DestState.Receiving(),
            Set.of(),
            Witness.IDLE,
            true,
            false);
    cameFrom.put(begin, null);
    left.add(begin);
    while (!left.isEmpty()) {
      World world = left.removeFirst();
      String broken = broken(world);
      if (broken != null) {
        return new Violation(broken, world, path(world));
      }
      Set<World> next = new LinkedHashSet<>(steps(world));
      successors.put(world, next);
      for (World step : next) {
        if (!cameFrom.containsKey(step)) {
          cameFrom.put(step, world);
          left.add(step);
        }
      }
    }
    return unending();
  }

  private static @Nullable String broken(World world) {
    if (world.sourceRuns() && world.destinationRuns()) {
      return "two machines run";
    }
    if (world.source instanceof SourceState.Kept && world.ran) {
      return "the source took back a machine that may have run elsewhere";
    }
    boolean sourceHasIt = world.source != null && !(world.source instanceof SourceState.GivenAway);
    boolean destinationHasIt =
        world.destination != null
            && !(world.destination instanceof DestState.Aborted)
            && !(world.destination instanceof DestState.Waiting);
    if (world.source != null && world.destination != null && !sourceHasIt && !destinationHasIt) {
      return "no machine is left though both processes live";
    }
    if (world.source instanceof SourceState.GivenAway
        && world.destination != null
        && !world.destinationRuns()) {
      return "the source gave away a machine that does not run at a living destination";
    }
    return null;
  }

  /**
   * From every world in which both live, or the destination has died and the mark is there, there
   * must be a way to exactly one running machine, for certain on both sides.
   */
  private @Nullable Violation unending() {
    Set<World> good = new HashSet<>();
    for (World world : cameFrom.keySet()) {
      if ((world.source instanceof SourceState.Kept
              || world.source instanceof SourceState.GivenAway)
          && world.sourceRuns() != world.destinationRuns()) {
        good.add(world);
      }
    }
    boolean grew = true;
    while (grew) {
      grew = false;
      for (Map.Entry<World, Set<World>> entry : successors.entrySet()) {
        if (!good.contains(entry.getKey()) && entry.getValue().stream().anyMatch(good::contains)) {
          grew |= good.add(entry.getKey());
        }
      }
    }
    for (World world : cameFrom.keySet()) {
      if (world.source != null
          && (world.destination != null || world.marked)
          && !good.contains(world)) {
        return new Violation("no way leads to a certain end", world, path(world));
      }
    }
    return null;
  }

  private List<String> path(World world) {
    List<String> path = new ArrayList<>();
    for (@Nullable World w = world; w != null; w = cameFrom.get(w)) {
      path.addFirst(w.toString());
    }
    return path;
  }

  private List<World> steps(World world) {
    List<World> next = new ArrayList<>();
    SourceState source = world.source;
    DestState destination = world.destination;
    if (source != null) {
      sourceSteps(world, source, next);
      // Its process dies.
      next.add(world.sourceDied());
    }
    if (destination != null) {
      destinationSteps(world, destination, next);
      next.add(world.destinationDied());
    }
    witnessSteps(world, next);
    // Somebody cleans up.
    next.add(world.withoutMark());
    return next;
  }

  private void sourceSteps(World world, SourceState source, List<World> next) {
    for (Message message : world.flying) {
      SourceState.@Nullable Event event =
          switch (message) {
            case COMPLETE -> new SourceState.Event.Complete();
            case SAYS_RUNNING -> new SourceState.Event.Answered(new HandoverAnswer.Taken());
            case SAYS_READY -> new SourceState.Event.Answered(new HandoverAnswer.Ready());
            case SAYS_NEVER ->
                new SourceState.Event.Answered(
                    new HandoverAnswer.Never(MigrationException.Code.PEER_FAILED, "x"));
            case SAYS_NEVER_STARTED ->
                new SourceState.Event.Answered(new HandoverAnswer.NeverStarted("x"));
            case COMMIT, QUERY, ABORT -> null;
          };
      if (event != null) {
        next.add(source(world, source, event));
      }
    }
    // A user cancels, a deadline passes, the connection breaks; an answer is lost; it decides to
    // hand over.
    next.add(
        source(
            world, source, new SourceState.Event.Failed(MigrationException.Code.PEER_LOST, "x")));
    next.add(
        source(world, source, new SourceState.Event.Answered(new HandoverAnswer.Unknown("x"))));
    next.add(source(world, source, new SourceState.Event.CommitDecided()));
  }

  private World source(World world, SourceState from, SourceState.Event event) {
    SourceState to = sourceNext.apply(from, event);
    if (to instanceof SourceState.Committing(int attempt) && attempt > MAX_ATTEMPTS) {
      return world;
    }
    Set<Message> flying = new TreeSet<>(world.flying);
    switch (to) {
      case SourceState.Committing s -> flying.add(Message.COMMIT);
      case SourceState.Asking s -> flying.add(Message.QUERY);
      case SourceState.Kept s -> flying.add(Message.ABORT);
      case SourceState.Copying s -> {}
      case SourceState.Prepared s -> {}
      case SourceState.GivenAway s -> {}
    }
    return world.with(to, flying);
  }

  /** The witness does one thing at a time, and anything may happen in between. */
  private void witnessSteps(World world, List<World> next) {
    if (world.flying.contains(Message.QUERY) && world.witness == Witness.IDLE) {
      next.add(world.with(Witness.ASKED, world.flying));
    }
    Witness found = look.next(world.witness, world.listening(), world.marked);
    next.add(
        found == Witness.PROVEN
            ? world.with(Witness.IDLE, plus(world.flying, Message.SAYS_NEVER_STARTED))
            : world.with(found, world.flying));
  }

  private void destinationSteps(World world, DestState destination, List<World> next) {
    if (destination instanceof DestState.Starting || destination instanceof DestState.Unmarked) {
      startingSteps(world, destination, next);
      return;
    }
    for (Message message : world.flying) {
      switch (message) {
        case COMMIT -> {
          DestState to = destNext.apply(destination, new DestState.Event.Commit());
          next.add(
              to instanceof DestState.Starting
                  ? world.with(to, world.flying)
                  : answered(world, to));
        }
        case QUERY -> next.add(answered(world, destination));
        case ABORT ->
            next.add(
                answered(world, destNext.apply(destination, new DestState.Event.GaveUp(ERROR))));
        case COMPLETE, SAYS_RUNNING, SAYS_READY, SAYS_NEVER, SAYS_NEVER_STARTED -> {}
      }
    }
    DestState complete = destNext.apply(destination, new DestState.Event.Complete());
    if (complete instanceof DestState.Prepared) {
      next.add(world.with(complete, plus(world.flying, Message.COMPLETE)));
    }
    // A deadline passes, the source falls silent, its user closes it.
    next.add(
        world.with(destNext.apply(destination, new DestState.Event.GaveUp(ERROR)), world.flying));
  }

  /**
   * Nobody is told anything until it runs or has failed: Receiver.commit holds its monitor. A mark
   * that is lost cannot be taken away.
   */
  private void startingSteps(World world, DestState destination, List<World> next) {
    if (world.marked) {
      DestState unmarked = destNext.apply(destination, new DestState.Event.Unmarked());
      next.add(world.with(unmarked, world.flying));
    }
    next.add(startStep(world, destNext.apply(destination, new DestState.Event.Started())));
    next.add(startStep(world, destNext.apply(destination, new DestState.Event.StartFailed(ERROR))));
  }

  private static World startStep(World world, DestState to) {
    return to instanceof DestState.Starting || to instanceof DestState.Unmarked
        ? world
        : answered(world, to);
  }

  private static World answered(World world, DestState destination) {
    Message answer =
        switch (destination.answer()) {
          case HANDOVER_STATE_RUNNING -> Message.SAYS_RUNNING;
          case HANDOVER_STATE_PREPARED -> Message.SAYS_READY;
          case HANDOVER_STATE_ABORTED -> Message.SAYS_NEVER;
          case HANDOVER_STATE_RECEIVING,
              HANDOVER_STATE_NEVER_STARTED,
              HANDOVER_STATE_UNKNOWN_TOKEN,
              HANDOVER_STATE_UNSPECIFIED,
              UNRECOGNIZED ->
              null;
        };
    return world.with(destination, answer == null ? world.flying : plus(world.flying, answer));
  }

  private static Set<Message> plus(Set<Message> flying, Message message) {
    Set<Message> more = new TreeSet<>(flying);
    more.add(message);
    return more;
  }
}
