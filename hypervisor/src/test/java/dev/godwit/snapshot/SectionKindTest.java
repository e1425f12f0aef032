package dev.godwit.snapshot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import dev.godwit.proto.v1.VcpuSection;
import dev.godwit.proto.v1.VcpuSegment;
import dev.godwit.proto.v1.VcpuTable;
import org.junit.jupiter.api.Test;

class SectionKindTest {
  private static final SectionKind<VcpuSection> KIND =
      SectionKind.first("vcpu", SectionGroup.KERNEL, VcpuSection.getDefaultInstance());

  private static final VcpuSection STATE =
      VcpuSection.newBuilder()
          .setRip(0x1234)
          .addSegments(VcpuSegment.newBuilder().setSelector(8))
          .setGdtr(VcpuTable.newBuilder().setLimit(0xFFFF))
          .build();

  private static final UnknownFieldSet UNKNOWN =
      UnknownFieldSet.newBuilder()
          .addField(99, UnknownFieldSet.Field.newBuilder().addVarint(7).build())
          .build();

  @Test
  void readsWhatItWrote() {
    assertEquals(STATE, KIND.parse("0", 1, STATE.toByteString()));
  }

  @Test
  void readsWhatAnotherWroteInAnotherOrder() {
    VcpuSection rip = VcpuSection.newBuilder().setRip(STATE.getRip()).build();
    VcpuSection rest = STATE.toBuilder().clearRip().build();
    ByteString payload = rest.toByteString().concat(rip.toByteString());
    assertEquals(STATE, KIND.parse("0", 1, payload));
  }

  @Test
  void refusesFieldsThatWouldBeLost() {
    refuses(STATE.toBuilder().setUnknownFields(UNKNOWN).build());
    refuses(
        STATE.toBuilder().setGdtr(STATE.getGdtr().toBuilder().setUnknownFields(UNKNOWN)).build());
    refuses(
        STATE.toBuilder()
            .setSegments(0, STATE.getSegments(0).toBuilder().setUnknownFields(UNKNOWN))
            .build());
  }

  private static void refuses(VcpuSection state) {
    SnapshotException refusal =
        assertThrows(SnapshotException.class, () -> KIND.parse("0", 1, state.toByteString()));
    assertEquals(SnapshotException.Code.CORRUPT, refusal.code());
  }
}
