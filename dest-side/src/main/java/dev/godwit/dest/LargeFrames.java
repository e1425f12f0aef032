package dev.godwit.dest;

import dev.godwit.wire.PageBatch;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Settings;
import java.util.List;

/**
 * Tells whoever connects that frames of HTTP/2 may be larger than 16 KiB (SETTINGS_MAX_FRAME_SIZE,
 * RFC 9113, 6.5.2), which gRPC has no option for. What a frame costs at both ends does not depend
 * on its size, and in a JVM that has just started it costs most of all.
 *
 * <p>Runs on a connection's own thread, once, when the peer's first bytes come: gRPC has sent its
 * own settings by then.
 */
final class LargeFrames extends ChannelInboundHandlerAdapter {
  /**
   * Two of the largest batches of pages with what comes before their content; a frame for the few
   * bytes that do not fit would cost as much as the large one. A peer can make each connection hold
   * that much.
   */
  static final int MAX_FRAME_BYTES = 2 * (PageBatch.MAX_CONTENT_BYTES + PageBatch.MAX_HEAD_BYTES);

  private LargeFrames() {}

  /** A listening socket whose connections say so. */
  static final class ServerChannel extends NioServerSocketChannel {
    @Override
    protected int doReadMessages(List<Object> accepted) throws Exception {
      int count = super.doReadMessages(accepted);
      for (Object connection : accepted) {
        ((Channel) connection).pipeline().addFirst(new LargeFrames());
      }
      return count;
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object bytes) {
    Http2ConnectionHandler http2 = context.pipeline().get(Http2ConnectionHandler.class);
    if (http2 != null) {
      http2.setCumulator(new PieceCumulator());
      ChannelHandlerContext of = context.pipeline().context(http2);
      http2
          .encoder()
          .writeSettings(of, new Http2Settings().maxFrameSize(MAX_FRAME_BYTES), of.newPromise());
      of.flush();
      context.pipeline().remove(this);
    }
    context.fireChannelRead(bytes);
  }
}
