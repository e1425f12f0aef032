package dev.godwit.e2e.relay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.godwit.e2e.relay.Boundary.Side;
import dev.godwit.proto.v1.FinishPart;
import dev.godwit.proto.v1.PageBatch;
import dev.godwit.proto.v1.PageRun;
import dev.godwit.proto.v1.Section;
import dev.godwit.proto.v1.StreamMetadata;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class MessageSplitterTest {
  private static byte[] framed(MessageLite message) {
    byte[] bytes = message.toByteArray();
    return ByteBuffer.allocate(5 + bytes.length)
        .put((byte) 0)
        .putInt(bytes.length)
        .put(bytes)
        .array();
  }

  private static List<String> names(
      String call, boolean stopsAfterRound0, MessageLite... messages) {
    MessageSplitter splitter = new MessageSplitter(Side.SOURCE, call, stopsAfterRound0);
    List<String> names = new ArrayList<>();
    for (MessageLite message : messages) {
      splitter.take(framed(message), false).stream()
          .map(MessageSplitter.Part::begins)
          .filter(Objects::nonNull)
          .forEach(boundary -> names.add(boundary.message()));
    }
    return names;
  }

  @Test
  void knowsThePartsOfTheStateWhateverTheTokenIs() {
    Section section = Section.newBuilder().setMessageType("uart").build();
    for (int last = 0; last < 256; last++) {
      byte[] token = new byte[16];
      token[15] = (byte) last;
      assertEquals(
          List.of("first section", "section", "metadata"),
          names(
              Boundary.FINISH,
              false,
              FinishPart.newBuilder()
                  .setToken(ByteString.copyFrom(token))
                  .setSection(section)
                  .build(),
              FinishPart.newBuilder().setSection(section).build(),
              FinishPart.newBuilder()
                  .setMetadata(StreamMetadata.newBuilder().setMachineName("m"))
                  .build()),
          () -> "a token that ends with " + token[15]);
    }
  }

  /** The destination is to see them as large as without the relay. */
  @Test
  void leavesALargeFrameWholeUnlessTwoMessagesShareIt() {
    byte[] batch =
        framed(PageBatch.newBuilder().setContent(ByteString.copyFrom(new byte[300_000])).build());
    byte[] two = ByteBuffer.allocate(2 * batch.length).put(batch).put(batch).array();
    MessageSplitter splitter = new MessageSplitter(Side.SOURCE, Boundary.PAGES, false);
    assertEquals(
        List.of(batch.length, batch.length),
        splitter.take(two, false).stream().map(part -> part.bytes().length).toList());
  }

  @Test
  void knowsTheRoundsOfPages() {
    PageBatch.Builder batch =
        PageBatch.newBuilder()
            .setSequence(1)
            .setRound(1)
            .addRuns(PageRun.newBuilder().setFirstGfn(40).setPages(40).setContentBytes(40));
    assertEquals(
        List.of("opening", "batch of a live round", "end of a live round"),
        names(
            Boundary.PAGES,
            false,
            PageBatch.newBuilder().setToken(ByteString.copyFrom(new byte[16])).build(),
            batch.setContent(ByteString.copyFrom(new byte[200])).build(),
            PageBatch.newBuilder().setSequence(2).setRound(1).setRoundEnd(true).build()));
  }
}
