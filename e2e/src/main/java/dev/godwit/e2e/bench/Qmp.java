package dev.godwit.e2e.bench;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * QEMU's monitor for programs ("QEMU Machine Protocol"): one JSON object a line, over a UNIX
 * socket. One thread, but for {@link #send}.
 */
final class Qmp implements AutoCloseable {
  private static final long CONNECT_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** The number of commands whose result nobody waits for. */
  private static final int NOBODY = 0;

  private final SocketChannel channel;
  private final BufferedReader lines;
  private int lastId = NOBODY;

  /** Connects, waiting until there is somebody to connect to, and leaves the greeting behind. */
  Qmp(Path socket) throws IOException, InterruptedException {
    this.channel = connect(socket);
    this.lines = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
    next();
    execute("qmp_capabilities", new JsonObject());
  }

  private static SocketChannel connect(Path socket) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + CONNECT_NANOS;
    while (true) {
      SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        channel.connect(UnixDomainSocketAddress.of(socket));
        return channel;
      } catch (IOException e) {
        channel.close();
        if (System.nanoTime() > deadline) {
          throw e;
        }
        Thread.sleep(20);
      }
    }
  }

  private JsonObject next() throws IOException {
    String line = lines.readLine();
    if (line == null) {
      throw new IOException("QEMU closed its monitor");
    }
    return JsonParser.parseString(line).getAsJsonObject();
  }

  /** Gives a command and does not wait for its result. For any thread. */
  void send(String command) throws IOException {
    send(NOBODY, command, new JsonObject());
  }

  private synchronized void send(int id, String command, JsonObject arguments) throws IOException {
    JsonObject request = new JsonObject();
    request.addProperty("execute", command);
    request.add("arguments", arguments);
    request.addProperty("id", id);
    ByteBuffer bytes = ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Gives a command; returns its result. Events that come before it are dropped. */
  JsonElement execute(String command, JsonObject arguments) throws IOException {
    int id = ++lastId;
    send(id, command, arguments);
    while (true) {
      JsonObject answer = next();
      if (!answer.has("id") || answer.get("id").getAsInt() != id) {
        continue;
      }
      if (answer.has("return")) {
        return answer.get("return");
      }
      if (answer.has("error")) {
        throw new IOException("QEMU refuses " + command + ": " + answer.get("error"));
      }
    }
  }

  /** Gives a command without arguments; returns its result. */
  JsonObject query(String command) throws IOException {
    return execute(command, new JsonObject()).getAsJsonObject();
  }

  /** Waits for an event and returns its data; whatever else comes before it is dropped. */
  JsonObject awaitEvent(String name) throws IOException {
    while (true) {
      JsonObject event = next();
      if (event.has("event") && event.get("event").getAsString().equals(name)) {
        return event.getAsJsonObject("data");
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
