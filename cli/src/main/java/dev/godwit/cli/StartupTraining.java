package dev.godwit.cli;

import dev.godwit.control.RunDirectory;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * The training run for the JVM's ahead-of-time cache (JEP 483, 515): the launcher starts it once
 * after each build, and what it loads and calls starts fast from then on. It does nothing that a
 * user could see: it prints the usage to nowhere, makes one call over a UNIX socket of its own, and
 * loads the project's classes without initialising them.
 */
public final class StartupTraining {

  private StartupTraining() {}

  /**
   * Runs the training; a failure leaves the launcher without a cache, which is slower but right.
   */
  public static void main(String[] args) throws Exception {
    Main.commandLine(RunDirectory::ofUser).usage(new PrintWriter(new StringWriter()));
    callOverUnixSocket();
    loadOwnClasses();
  }

  /** One unary call between a server and a client like those of the control socket. */
  private static void callOverUnixSocket() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("godwit-training");
    Path socket = directory.resolve("socket");
    DomainSocketAddress address = new DomainSocketAddress(socket.toFile());
    EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    MethodDescriptor<byte[], byte[]> echo =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("godwit.Training/Echo")
            .setRequestMarshaller(new BytesMarshaller())
            .setResponseMarshaller(new BytesMarshaller())
            .build();
    try {
      Server server =
          NettyServerBuilder.forAddress(address)
              .channelType(EpollServerDomainSocketChannel.class)
              .bossEventLoopGroup(loops)
              .workerEventLoopGroup(loops)
              .addService(
                  ServerServiceDefinition.builder("godwit.Training")
                      .addMethod(
                          echo,
                          ServerCalls.asyncUnaryCall(
                              (request, response) -> {
                                response.onNext(request);
                                response.onCompleted();
                              }))
                      .build())
              .build()
              .start();
      ManagedChannel channel =
          NettyChannelBuilder.forAddress(address)
              .channelType(EpollDomainSocketChannel.class)
              .eventLoopGroup(loops)
              .usePlaintext()
              .build();
      ClientCalls.blockingUnaryCall(channel, echo, CallOptions.DEFAULT, new byte[1]);
      channel.shutdownNow();
      server.shutdownNow().awaitTermination();
    } finally {
      loops.shutdownGracefully();
      Files.deleteIfExists(socket);
      Files.delete(directory);
    }
  }

  private static void loadOwnClasses() {
    List.of(System.getProperty("java.class.path", "").split(File.pathSeparator)).stream()
        .filter(entry -> entry.endsWith(".jar"))
        .forEach(StartupTraining::loadOwnClasses);
  }

  private static void loadOwnClasses(String jarPath) {
    try (JarFile jar = new JarFile(jarPath)) {
      jar.stream()
          .map(JarEntry::getName)
          .filter(name -> name.startsWith("dev/godwit/") && name.endsWith(".class"))
          .map(name -> name.substring(0, name.length() - ".class".length()).replace('/', '.'))
          .forEach(StartupTraining::load);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void load(String className) {
    try {
      Class.forName(className, false, StartupTraining.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      throw new IllegalStateException("a jar of the class path is broken: " + className, e);
    }
  }

  /** Bytes as they are. */
  private static final class BytesMarshaller implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
