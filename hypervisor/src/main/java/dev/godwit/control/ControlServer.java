package dev.godwit.control;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the control API for one process, on a socket that bears a machine's name.
 *
 * <p>Thread-safe. Calls are served on virtual threads.
 */
public final class ControlServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);

  /** How long calls that are being answered have when the server closes. */
  private static final Duration GRACE = Duration.ofSeconds(3);

  private final RunDirectory directory;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("control", true), EpollIoHandler.newFactory());
  private final ControlActions actions;
  private @Nullable Server server;
  private String name;
  private boolean closed;
  private boolean withdrawn;

  private ControlServer(RunDirectory directory, String name, ControlActions actions) {
    this.directory = directory;
    this.name = name;
    this.actions = actions;
  }

  /**
   * Starts to answer.
   *
   * @param name the name to answer to; it belongs to this process until the server is closed
   * @throws ControlException {@code NAME_IN_USE}, or {@code HOST_REFUSED} if the folder cannot be
   *     used
   */
  public static ControlServer start(RunDirectory directory, String name, ControlActions actions) {
    ControlServer server = new ControlServer(directory, name, actions);
    try {
      directory.publish(name, server::bind);
      return server;
    } catch (RuntimeException e) {
      server.stopServing(Duration.ZERO);
      throw e;
    }
  }

  private void bind(Path path) throws java.io.IOException {
    server =
        NettyServerBuilder.forAddress(new DomainSocketAddress(path.toFile()))
            .channelType(EpollServerDomainSocketChannel.class)
            .bossEventLoopGroup(loops)
            .workerEventLoopGroup(loops)
            .executor(executor)
            .addService(new ControlService(actions))
            .build()
            .start();
  }

  /** Returns the name it answers to. */
  public synchronized String name() {
    return name;
  }

  /**
   * Answers to another name from now on. Calls in flight go on.
   *
   * @throws ControlException {@code NAME_IN_USE}; the old name stays
   */
  public synchronized void rename(String newName) {
    if (closed || withdrawn) {
      throw new ControlException(ControlException.Code.WRONG_STATE, "the process is ending");
    }
    if (!newName.equals(name)) {
      directory.rename(name, newName);
      name = newName;
    }
  }

  /**
   * Gives the name up, lets calls that are being answered end within some seconds, and stops.
   * Idempotent; never throws.
   */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    withdraw();
    stopServing(GRACE);
  }

  /** Gives the name up and nothing else: for a process that is being killed. Never throws. */
  public void abandon() {
    withdraw();
  }

  private synchronized void withdraw() {
    if (withdrawn) {
      return;
    }
    withdrawn = true;
    try {
      directory.withdraw(name);
    } catch (RuntimeException e) {
      LOG.warn("the control socket of {} could not be removed: {}", name, e.getMessage());
    }
  }

  private void stopServing(Duration grace) {
    Server running = server;
    try {
      if (running != null) {
        running.shutdown();
        if (!running.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS)) {
          running.shutdownNow();
          running.awaitTermination(1, TimeUnit.SECONDS);
        }
      }
    } catch (InterruptedException e) {
      running.shutdownNow();
      Thread.currentThread().interrupt();
    } finally {
      executor.shutdownNow();
      loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(1, TimeUnit.SECONDS);
    }
  }
}
