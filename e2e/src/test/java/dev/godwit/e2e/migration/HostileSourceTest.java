package dev.godwit.e2e.migration;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.godwit.dest.DestState;
import dev.godwit.dest.ReceiveException;
import dev.godwit.dest.Receiver;
import dev.godwit.machine.Machine.VcpuLock;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.memory.GuestMemory;
import dev.godwit.proto.v1.CodeHints;
import dev.godwit.proto.v1.CommitRequest;
import dev.godwit.proto.v1.FinishPart;
import dev.godwit.proto.v1.HandoverReply;
import dev.godwit.proto.v1.HandoverState;
import dev.godwit.proto.v1.HeartbeatRequest;
import dev.godwit.proto.v1.HelloRequest;
import dev.godwit.proto.v1.MigrationGrpc;
import dev.godwit.proto.v1.PreflightRequest;
import dev.godwit.proto.v1.Prepared;
import dev.godwit.proto.v1.QueryRequest;
import dev.godwit.proto.v1.RoundReceived;
import dev.godwit.snapshot.Section;
import dev.godwit.stream.StreamCodec;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.CheckedCalls;
import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PageRun;
import dev.godwit.wire.PageStream;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.ProtocolVersion;
import dev.godwit.wire.StreamOpening;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A destination trusts nothing: whatever a source sends, nothing runs that is not whole, and
 * nothing is left.
 */
class HostileSourceTest {
  private static final long RAM_BYTES = 8 * Lab.MIB;
  private static final ByteString TOKEN = ByteString.copyFromUtf8("0123456789abcdef");

  /** The page call with bytes as they are. */
  private static final MethodDescriptor<byte[], RoundReceived> BYTES =
      PageStream.SENDING.toBuilder(new Bytes(), PageStream.SENDING.getResponseMarshaller()).build();

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      throw new UnsupportedOperationException();
    }
  }

  private final Lab lab = new Lab();
  private SyntheticMachine source;
  private Receiver receiver;
  private ManagedChannel channel;

  @SuppressWarnings("NullAway.Init") // opened by the tests that send pages
  private StreamObserver<byte[]> pages;

  private final CompletableFuture<RoundReceived> landed = new CompletableFuture<>();
  private final CompletableFuture<PeerError> refused = new CompletableFuture<>();

  @BeforeEach
  void begin() {
    source =
        SyntheticMachine.create(
            SyntheticMachine.config("guest", RAM_BYTES, 1, Load.of(64, 1000, 64)), 1);
    receiver = lab.receiver();
    channel =
        NettyChannelBuilder.forAddress("127.0.0.1", receiver.port())
            .usePlaintext()
            .intercept(CheckedCalls.ofSource())
            .build();
  }

  @AfterEach
  void close() throws Exception {
    channel.shutdownNow();
    lab.close();
    source.machine().close();
  }

  private MigrationGrpc.MigrationBlockingStub stub() {
    return MigrationGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  private void preflight(UnaryOperator<PreflightRequest.Builder> change) {
    assertNotNull(
        stub()
            .preflight(
                change
                    .apply(
                        PreflightRequest.newBuilder()
                            .setToken(TOKEN)
                            .setVersion(ProtocolVersion.NEWEST)
                            .setHeader(
                                StreamCodec.toProto(
                                    StreamHeader.of(source.machine(), Lab.PRODUCER))))
                    .build()));
  }

  private void openPages() throws IOException {
    pages = openPages(new StreamOpening(TOKEN.toByteArray(), 0, 1, 0), landed, refused);
  }

  private StreamObserver<byte[]> openPages(
      StreamOpening opening,
      CompletableFuture<RoundReceived> landed,
      CompletableFuture<PeerError> refused)
      throws IOException {
    StreamObserver<byte[]> stream =
        ClientCalls.asyncBidiStreamingCall(
            channel.newCall(BYTES, CallOptions.DEFAULT),
            new StreamObserver<RoundReceived>() {
              @Override
              public void onNext(RoundReceived value) {
                landed.complete(value);
              }

              @Override
              public void onError(Throwable t) {
                PeerError said =
                    PeerError.from(assertInstanceOf(StatusRuntimeException.class, t).getTrailers());
                refused.complete(
                    said == null ? new PeerError(PeerError.Code.INTERNAL, t.toString()) : said);
              }

              @Override
              public void onCompleted() {}
            });
    stream.onNext(bytes(PageBatch.open(opening)));
    return stream;
  }

  private static byte[] bytes(PageBatch batch) throws IOException {
    return PageStream.SENDING.streamRequest(batch).readAllBytes();
  }

  private PageRun raw(long gfn, int count) {
    return new PageRun(
        gfn,
        count,
        PageEncoding.RAW,
        source
            .machine()
            .memory()
            .view(gfn << GuestMemory.PAGE_SHIFT, (long) count << GuestMemory.PAGE_SHIFT));
  }

  private void sendAllPagesBut(long missingGfn) throws IOException {
    long sequence = 0;
    long sent = 0;
    for (long gfn = 0; gfn < RAM_BYTES >>> 12; gfn++) {
      if (gfn != missingGfn) {
        pages.onNext(bytes(PageBatch.pages(++sequence, 0, List.of(raw(gfn, 1)))));
        sent++;
      }
    }
    pages.onNext(bytes(PageBatch.roundEnd(++sequence, 0, sent)));
  }

  private StatusRuntimeException finish(List<Section> sections, StreamMetadata metadata)
      throws Exception {
    CompletableFuture<StatusRuntimeException> failure = new CompletableFuture<>();
    StreamObserver<FinishPart> out =
        MigrationGrpc.newStub(channel)
            .finish(
                new StreamObserver<Prepared>() {
                  @Override
                  public void onNext(Prepared value) {}

                  @Override
                  public void onError(Throwable t) {
                    failure.complete(assertInstanceOf(StatusRuntimeException.class, t));
                  }

                  @Override
                  public void onCompleted() {
                    failure.cancel(false);
                  }
                });
    List<FinishPart> parts = new ArrayList<>();
    sections.forEach(
        section ->
            parts.add(FinishPart.newBuilder().setSection(StreamCodec.toProto(section)).build()));
    parts.add(FinishPart.newBuilder().setMetadata(StreamCodec.toProto(metadata)).build());
    parts.set(0, parts.getFirst().toBuilder().setToken(TOKEN).build());
    parts.forEach(out::onNext);
    out.onCompleted();
    return failure.get(10, TimeUnit.SECONDS);
  }

  private List<Section> sections() {
    try (VcpuLock lock = source.machine().lockAllVcpus()) {
      return lock.save();
    }
  }

  private static StreamMetadata metadata(List<Section> sections, long digest) {
    return new StreamMetadata("guest", 0, 0, StreamCodec.sha256(sections), digest, 0, 0, false);
  }

  private void assertEndedCleanly(PeerError.Code code, PeerError said) throws Exception {
    assertEquals(code, said.code(), said.message());
    assertEquals(code, assertInstanceOf(ReceiveException.class, Lab.failure(receiver)).code());
    lab.assertOthersAreGone(null);
    assertTrue(lab.names.isEmpty(), "the name stays reserved");
  }

  private void assertPagesRefused(PeerError.Code code) throws Exception {
    assertEndedCleanly(code, refused.get(10, TimeUnit.SECONDS));
  }

  private void assertFinishRefused(PeerError.Code code, StatusRuntimeException failure)
      throws Exception {
    PeerError said = PeerError.from(failure.getTrailers());
    assertNotNull(said, failure.toString());
    assertEndedCleanly(code, said);
  }

  private void assertPreflightRefused(
      PeerError.Code code, UnaryOperator<PreflightRequest.Builder> change) {
    StatusRuntimeException failure =
        assertThrows(StatusRuntimeException.class, () -> preflight(change));
    PeerError said = PeerError.from(failure.getTrailers());
    assertNotNull(said, failure.toString());
    assertEquals(code, said.code(), said.message());
    assertInstanceOf(DestState.Waiting.class, receiver.state(), "a refusal must not end it");
    assertTrue(lab.names.isEmpty(), "the name stays reserved");
  }

  @Test
  void refusesNewerProtocolsWithAMessageThatTravels() {
    StatusRuntimeException failure =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                stub()
                    .hello(
                        HelloRequest.newBuilder()
                            .setOldestVersion(ProtocolVersion.NEWEST + 1)
                            .setNewestVersion(ProtocolVersion.NEWEST + 1)
                            .build()));
    PeerError said = PeerError.from(failure.getTrailers());
    assertNotNull(said);
    assertEquals(PeerError.Code.VERSION, said.code());
  }

  @Test
  void refusesPreflightsThatMakeNoSense() {
    assertPreflightRefused(PeerError.Code.VERSION, r -> r.setVersion(99));
    assertPreflightRefused(PeerError.Code.PROTOCOL, r -> r.setToken(ByteString.EMPTY));
    assertPreflightRefused(
        PeerError.Code.PROTOCOL,
        r -> r.setHeader(r.getHeader().toBuilder().setMagic(ByteString.copyFromUtf8("QEMU"))));
    assertPreflightRefused(
        PeerError.Code.SECTIONS, r -> r.setHeader(r.getHeader().toBuilder().setFormatVersion(2)));
    assertPreflightRefused(
        PeerError.Code.CONFIG,
        r ->
            r.setHeader(
                r.getHeader().toBuilder()
                    .setConfig(r.getHeader().getConfig().toBuilder().setName("../../etc/passwd"))));
    assertPreflightRefused(
        PeerError.Code.CONFIG,
        r ->
            r.setHeader(
                r.getHeader().toBuilder()
                    .setConfig(r.getHeader().getConfig().toBuilder().setRamBytes(-4096))));
    assertPreflightRefused(
        PeerError.Code.SECTIONS, r -> r.setHeader(r.getHeader().toBuilder().removeSections(1)));
    preflight(r -> r);
  }

  @Test
  void ignoresHintsThatMakeNoSense() {
    preflight(r -> r);
    CodeHints.Builder hints = CodeHints.newBuilder().setToken(TOKEN);
    CodeHints uneven = hints.clone().addRips(0x1000).addUsers(false).build();
    StatusRuntimeException failure =
        assertThrows(StatusRuntimeException.class, () -> stub().hint(uneven));
    PeerError said = PeerError.from(failure.getTrailers());
    assertNotNull(said);
    assertEquals(PeerError.Code.CORRUPT, said.code());

    for (long gfn : new long[] {-1, RAM_BYTES >>> 12, Long.MIN_VALUE, 1L << 52, 0}) {
      hints.addRips(gfn).addGfns(gfn).addUsers(true);
    }
    for (int vcpu : new int[] {0, 99, -1}) {
      assertNotNull(stub().hint(hints.setVcpu(vcpu).build()));
    }
    assertNotNull(stub().hint(hints.setToken(ByteString.EMPTY).build()));
    assertInstanceOf(DestState.Receiving.class, receiver.state(), "it was given up");
  }

  /** A stream that carries the second half of the pages in two, by connections in turn. */
  @Test
  void listensToTheLatestConnectionOfAStreamOnly() throws Exception {
    preflight(r -> r);
    byte[] token = TOKEN.toByteArray();
    CompletableFuture<RoundReceived> firstPosition = new CompletableFuture<>();
    CompletableFuture<PeerError> superseded = new CompletableFuture<>();
    StreamObserver<byte[]> first =
        openPages(new StreamOpening(token, 1, 2, 1), firstPosition, superseded);
    assertEquals(RoundReceived.getDefaultInstance(), firstPosition.get(10, TimeUnit.SECONDS));
    first.onNext(bytes(PageBatch.pages(1, 0, List.of(raw(16, 4)))));
    await().until(() -> receiver.state() instanceof DestState.Receiving && landedPages() == 4);

    CompletableFuture<RoundReceived> secondPosition = new CompletableFuture<>();
    StreamObserver<byte[]> second =
        openPages(new StreamOpening(token, 1, 2, 2), secondPosition, new CompletableFuture<>());
    assertEquals(4, secondPosition.get(10, TimeUnit.SECONDS).getPages());
    first.onNext(bytes(PageBatch.pages(2, 0, List.of(raw(20, 4)))));
    assertTrue(superseded.get(10, TimeUnit.SECONDS).message().contains("later connection"));
    assertEquals(4, landedPages(), "pages of a connection that counts no more have landed");

    CompletableFuture<PeerError> late = new CompletableFuture<>();
    openPages(new StreamOpening(token, 1, 2, 2), new CompletableFuture<>(), late);
    assertEquals(PeerError.Code.PROTOCOL, late.get(10, TimeUnit.SECONDS).code());
    CompletableFuture<PeerError> another = new CompletableFuture<>();
    openPages(new StreamOpening(token, 2, 3, 1), new CompletableFuture<>(), another);
    assertEquals(PeerError.Code.PROTOCOL, another.get(10, TimeUnit.SECONDS).code());

    second.onNext(bytes(PageBatch.pages(1, 0, List.of(raw(20, 4)))));
    await().until(() -> landedPages() == 8);
    assertInstanceOf(DestState.Receiving.class, receiver.state(), "strangers ended it");
  }

  @Test
  void aRoundIsOverWhenEachStreamHasEndedIt() throws Exception {
    preflight(r -> r);
    CompletableFuture<PeerError> early = new CompletableFuture<>();
    StreamObserver<byte[]> first =
        openPages(
            new StreamOpening(TOKEN.toByteArray(), 0, 2, 1), new CompletableFuture<>(), early);
    first.onNext(bytes(PageBatch.pages(1, 0, List.of(raw(16, 4)))));
    first.onNext(bytes(PageBatch.roundEnd(2, 0, 4)));
    first.onNext(bytes(PageBatch.pages(3, 1, List.of(raw(16, 4)))));
    assertEndedCleanly(PeerError.Code.PROTOCOL, early.get(10, TimeUnit.SECONDS));
  }

  private long landedPages() {
    return stub().heartbeat(HeartbeatRequest.newBuilder().setToken(TOKEN).build()).getLandedPages();
  }

  @Test
  void doesNotGetReadyForTheStopBeforeAllPagesHaveCome() {
    preflight(r -> r);
    HeartbeatRequest stopFollows =
        HeartbeatRequest.newBuilder().setToken(TOKEN).setStopFollows(true).build();
    StatusRuntimeException failure =
        assertThrows(StatusRuntimeException.class, () -> stub().heartbeat(stopFollows));
    PeerError said = PeerError.from(failure.getTrailers());
    assertNotNull(said, failure.toString());
    assertEquals(PeerError.Code.BAD_PAGES, said.code(), said.message());
    assertEquals(0, landedPages(), "it goes on receiving");
  }

  @Test
  void refusesADamagedBatch() throws Exception {
    preflight(r -> r);
    openPages();
    byte[] damaged = bytes(PageBatch.pages(1, 0, List.of(raw(16, 4))));
    damaged[5000] ^= 1;
    pages.onNext(damaged);
    assertPagesRefused(PeerError.Code.CORRUPT);
  }

  @Test
  void refusesATruncatedBatch() throws Exception {
    preflight(r -> r);
    openPages();
    byte[] whole = bytes(PageBatch.pages(1, 0, List.of(raw(16, 4))));
    pages.onNext(Arrays.copyOf(whole, whole.length - 1000));
    assertPagesRefused(PeerError.Code.BAD_PAGES);
  }

  @Test
  void refusesAnOversizedMessage() throws Exception {
    preflight(r -> r);
    openPages();
    pages.onNext(new byte[8 << 20]);
    assertPagesRefused(PeerError.Code.BAD_PAGES);
  }

  @Test
  void refusesAPageTwiceInARound() throws Exception {
    preflight(r -> r);
    openPages();
    pages.onNext(bytes(PageBatch.pages(1, 0, List.of(raw(16, 4)))));
    pages.onNext(bytes(PageBatch.pages(2, 0, List.of(raw(19, 1)))));
    assertPagesRefused(PeerError.Code.BAD_PAGES);
  }

  @Test
  void refusesADifferenceToAPageThatNeverCame() throws Exception {
    preflight(r -> r);
    openPages();
    pages.onNext(bytes(PageBatch.pages(1, 0, List.of(PageRun.unchanged(16, 4)))));
    assertPagesRefused(PeerError.Code.BAD_PAGES);
    assertTrue(
        refused.get().message().contains("page 16 comes as a difference in round 0"),
        () -> refused.join().message());
  }

  @Test
  void refusesADifferenceToWhatCameInTheSameRound() throws Exception {
    preflight(r -> r);
    openPages();
    pages.onNext(bytes(PageBatch.pages(1, 0, List.of(raw(16, 4)))));
    pages.onNext(bytes(PageBatch.pages(2, 0, List.of(PageRun.unchanged(19, 1)))));
    assertPagesRefused(PeerError.Code.BAD_PAGES);
  }

  @Test
  void refusesPagesOutsideRam() throws Exception {
    preflight(r -> r);
    openPages();
    pages.onNext(
        bytes(
            PageBatch.pages(
                1,
                0,
                List.of(
                    new PageRun(
                        (RAM_BYTES >>> 12) - 1,
                        2,
                        PageEncoding.RAW,
                        source.machine().memory().view(0, 2L * PageBatch.PAGE_BYTES))))));
    assertPagesRefused(PeerError.Code.BAD_PAGES);
  }

  @Test
  void refusesARoundThatIsNotNext() throws Exception {
    preflight(r -> r);
    openPages();
    pages.onNext(bytes(PageBatch.pages(1, 1, List.of(raw(16, 4)))));
    assertPagesRefused(PeerError.Code.PROTOCOL);
  }

  @Test
  void refusesAMachineOfWhichAPageNeverCame() throws Exception {
    preflight(r -> r);
    openPages();
    sendAllPagesBut(700);
    landed.get(10, TimeUnit.SECONDS);
    List<Section> sections = sections();
    StatusRuntimeException failure = finish(sections, metadata(sections, 0));
    assertTrue(failure.toString().contains("1 pages never came, the first of them page 700"));
    assertFinishRefused(PeerError.Code.BAD_PAGES, failure);
  }

  @Test
  void refusesAMachineWhoseRamHasAnotherDigest() throws Exception {
    preflight(r -> r);
    openPages();
    sendAllPagesBut(-1);
    landed.get(10, TimeUnit.SECONDS);
    List<Section> sections = sections();
    assertFinishRefused(PeerError.Code.CORRUPT, finish(sections, metadata(sections, 12345)));
  }

  @Test
  void refusesSectionsThatAreMissingSwappedOrChanged() throws Exception {
    preflight(r -> r);
    openPages();
    sendAllPagesBut(-1);
    landed.get(10, TimeUnit.SECONDS);
    List<Section> sections = new ArrayList<>(sections());
    sections.removeLast();
    assertFinishRefused(PeerError.Code.SECTIONS, finish(sections, metadata(sections, 0)));
  }

  @Test
  void refusesSectionsInAnotherOrder() throws Exception {
    preflight(r -> r);
    openPages();
    sendAllPagesBut(-1);
    landed.get(10, TimeUnit.SECONDS);
    List<Section> sections = new ArrayList<>(sections());
    Collections.swap(sections, 1, 2);
    assertFinishRefused(PeerError.Code.SECTIONS, finish(sections, metadata(sections, 0)));
  }

  @Test
  void refusesMetadataOfOtherSections() throws Exception {
    preflight(r -> r);
    openPages();
    sendAllPagesBut(-1);
    landed.get(10, TimeUnit.SECONDS);
    List<Section> sections = sections();
    assertFinishRefused(
        PeerError.Code.CORRUPT, finish(sections, metadata(sections.subList(0, 1), 0)));
  }

  @Test
  void obeysNobodyWithoutTheToken() throws Exception {
    preflight(r -> r);
    ByteString wrong = ByteString.copyFromUtf8("fedcba9876543210");
    HandoverReply reply = stub().commit(CommitRequest.newBuilder().setToken(wrong).build());
    assertEquals(HandoverState.HANDOVER_STATE_UNKNOWN_TOKEN, reply.getState());
    assertEquals(
        HandoverState.HANDOVER_STATE_UNKNOWN_TOKEN,
        stub().query(QueryRequest.newBuilder().setToken(wrong).build()).getState());
    assertInstanceOf(DestState.Receiving.class, receiver.state(), "it was given up");
  }

  @Test
  void doesNotRunAMachineThatIsNotComplete() throws Exception {
    preflight(r -> r);
    HandoverReply reply = stub().commit(CommitRequest.newBuilder().setToken(TOKEN).build());
    assertEquals(HandoverState.HANDOVER_STATE_RECEIVING, reply.getState());
    assertInstanceOf(DestState.Receiving.class, receiver.state(), "it was given up");
    assertNull(receiver.outcome().toCompletableFuture().getNow(null));
  }
}
