package dev.godwit.dest;

import com.google.common.util.concurrent.MoreExecutors;
import dev.godwit.proto.v1.MigrationGrpc;
import dev.godwit.wire.CheckedCalls;
import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageStream;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The gRPC server of a {@link Receiver}: pages are landed by the network's threads, which also
 * answer what the source waits for while its guest stands still; all else is done by virtual
 * threads.
 */
final class MigrationServer {
  /** 64 KiB, gRPC's default, made the page stream five times slower; more than this, no faster. */
  private static final int FLOW_CONTROL_WINDOW_BYTES = 16 << 20;

  /** One read takes as much as one of the largest batches of pages; Netty's default is 64 KiB. */
  private static final int MAX_READ_BYTES = PageBatch.MAX_CONTENT_BYTES;

  /** The largest message is a section: a frame buffer. */
  private static final int MAX_MESSAGE_BYTES = 64 << 20;

  private static final int MAX_METADATA_BYTES = 8 << 10;
  private static final int MAX_CALLS_A_CONNECTION = 16;
  private static final int NETWORK_THREADS = 3;
  private static final Logger LOG = LoggerFactory.getLogger(MigrationServer.class);

  private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
  private final EventLoopGroup accepting = threads("receiver-accept", 1);
  private final EventLoopGroup network = threads("receiver-net", NETWORK_THREADS);
  private final Server server;

  MigrationServer(Receiver receiver, ReceiverOptions options) {
    this.server =
        NettyServerBuilder.forAddress(options.listen())
            .bossEventLoopGroup(accepting)
            .workerEventLoopGroup(network)
            .channelFactory(LargeFrames.ServerChannel::new)
            .withChildOption(
                ChannelOption.RECVBUF_ALLOCATOR,
                new AdaptiveRecvByteBufAllocator(4 << 10, 64 << 10, MAX_READ_BYTES))
            .flowControlWindow(FLOW_CONTROL_WINDOW_BYTES)
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .maxInboundMetadataSize(MAX_METADATA_BYTES)
            .maxConcurrentCallsPerConnection(MAX_CALLS_A_CONNECTION)
            .executor(calls)
            .callExecutor(new Urgent())
            .addService(service(receiver, options, calls))
            .build();
  }

  private static EventLoopGroup threads(String name, int count) {
    return new MultiThreadIoEventLoopGroup(
        count, new DefaultThreadFactory(name, true), NioIoHandler.newFactory());
  }

  /**
   * The generated service, each message with its checksum, and with the stream of pages served by
   * {@link PageReceiver} instead, straight from the network's buffers.
   */
  private static ServerServiceDefinition service(
      Receiver receiver, ReceiverOptions options, Executor calls) {
    ServerServiceDefinition.Builder control =
        ServerServiceDefinition.builder(MigrationGrpc.SERVICE_NAME);
    for (ServerMethodDefinition<?, ?> method :
        new MigrationService(receiver, options.producer(), calls).bindService().getMethods()) {
      if (!method
          .getMethodDescriptor()
          .getFullMethodName()
          .equals(PageStream.RECEIVING.getFullMethodName())) {
        control.addMethod(method);
      }
    }
    ServerServiceDefinition.Builder service =
        ServerServiceDefinition.builder(MigrationGrpc.SERVICE_NAME);
    CheckedCalls.ofDestination(control.build()).getMethods().forEach(service::addMethod);
    return service.addMethod(PageStream.RECEIVING, new PageReceiver(receiver)).build();
  }

  /**
   * Landing a page is a copy: handing it to another thread costs more than that. And between the
   * last page and RUNNING the guest runs nowhere: each hand-over to another thread makes it stand
   * for as long as that one waits for a CPU. None of these calls waits for anything.
   */
  private static final class Urgent implements ServerCallExecutorSupplier {
    private static final Set<String> METHODS =
        Set.of(
            PageStream.RECEIVING.getFullMethodName(),
            MigrationGrpc.getHeartbeatMethod().getFullMethodName(),
            MigrationGrpc.getFinishMethod().getFullMethodName(),
            MigrationGrpc.getCommitMethod().getFullMethodName(),
            MigrationGrpc.getReleaseMethod().getFullMethodName());

    @Override
    public <ReqT, RespT> @Nullable Executor getExecutor(
        ServerCall<ReqT, RespT> call, Metadata metadata) {
      boolean urgent = METHODS.contains(call.getMethodDescriptor().getFullMethodName());
      return urgent ? MoreExecutors.directExecutor() : null;
    }
  }

  void start() throws IOException {
    try {
      server.start();
    } catch (IOException e) {
      free();
      throw e;
    }
  }

  int port() {
    return server.getPort();
  }

  /**
   * Stops listening; calls that are being answered have {@code grace} to end. Any number of times.
   */
  void stop(Duration grace) {
    server.shutdown();
    try {
      if (!server.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS)) {
        server.shutdownNow();
        // The threads that close the connections must not end before they have: what a source that
        // stands still has left open would stay open here for good.
        if (!server.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS)) {
          LOG.warn("connections are left that do not close");
        }
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    free();
  }

  private void free() {
    accepting.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    network.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    calls.shutdown();
  }
}
