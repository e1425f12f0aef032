package dev.godwit.cpu;

import com.google.protobuf.ByteString;
import dev.godwit.proto.v1.VcpuActivity;
import dev.godwit.proto.v1.VcpuMsr;
import dev.godwit.proto.v1.VcpuSection;
import dev.godwit.proto.v1.VcpuSegment;
import dev.godwit.proto.v1.VcpuTable;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Between {@link VcpuState} and its section's message. Checks shapes; engines check what the values
 * mean.
 */
public final class VcpuStateCodec {
  private static final int GPRS = 16;
  private static final int SEGMENTS = 6;
  private static final int DEBUG_REGISTERS = 6;
  private static final int FXSAVE_BYTES = 512;
  private static final int MAX_MSRS = 1024;

  private VcpuStateCodec() {}

  /** Encodes a state. */
  public static VcpuSection toProto(VcpuState state) {
    VcpuSection.Builder section =
        VcpuSection.newBuilder()
            .setRip(state.rip())
            .setRflags(state.rflags())
            .setLdtr(segment(state.ldtr()))
            .setTr(segment(state.tr()))
            .setGdtr(table(state.gdtr()))
            .setIdtr(table(state.idtr()))
            .setCr0(state.control().cr0())
            .setCr2(state.control().cr2())
            .setCr3(state.control().cr3())
            .setCr4(state.control().cr4())
            .setCr8(state.control().cr8())
            .setFxsave(ByteString.copyFrom(state.fxsave()))
            .setActivity(activity(state.activity()))
            .setInterruptShadow(state.interruptShadow())
            .setNmiBlocked(state.nmiBlocked());
    for (long register : state.gpr()) {
      section.addGpr(register);
    }
    for (VcpuState.Segment s : state.segments()) {
      section.addSegments(segment(s));
    }
    for (long register : state.debug()) {
      section.addDebug(register);
    }
    state
        .msrs()
        .forEach(
            (number, value) ->
                section.addMsrs(VcpuMsr.newBuilder().setNumber(number).setValue(value)));
    return section.build();
  }

  /**
   * Decodes a state.
   *
   * @throws CpuException BAD_STATE if a part is missing or has the wrong shape
   */
  public static VcpuState fromProto(VcpuSection section) {
    requireCount("gpr", section.getGprCount(), GPRS);
    requireCount("segments", section.getSegmentsCount(), SEGMENTS);
    requireCount("debug", section.getDebugCount(), DEBUG_REGISTERS);
    requireCount("fxsave", section.getFxsave().size(), FXSAVE_BYTES);
    if (section.getMsrsCount() > MAX_MSRS) {
      throw bad("msrs has " + section.getMsrsCount() + " entries");
    }
    if (!section.hasLdtr() || !section.hasTr() || !section.hasGdtr() || !section.hasIdtr()) {
      throw bad("a system table register is missing");
    }
    SortedMap<Integer, Long> msrs = new TreeMap<>();
    for (VcpuMsr msr : section.getMsrsList()) {
      if (msrs.put(msr.getNumber(), msr.getValue()) != null) {
        throw bad("MSR 0x%x comes twice".formatted(msr.getNumber()));
      }
    }
    List<VcpuState.Segment> segments =
        section.getSegmentsList().stream().map(VcpuStateCodec::segment).toList();
    return new VcpuState(
        longs(section.getGprList()),
        section.getRip(),
        section.getRflags(),
        segments,
        segment(section.getLdtr()),
        segment(section.getTr()),
        table(section.getGdtr()),
        table(section.getIdtr()),
        new VcpuState.Control(
            section.getCr0(),
            section.getCr2(),
            section.getCr3(),
            section.getCr4(),
            section.getCr8()),
        longs(section.getDebugList()),
        msrs,
        section.getFxsave().toByteArray(),
        activity(section.getActivity()),
        section.getInterruptShadow(),
        section.getNmiBlocked());
  }

  private static long[] longs(List<Long> list) {
    return list.stream().mapToLong(Long::longValue).toArray();
  }

  private static void requireCount(String what, int count, int wanted) {
    if (count != wanted) {
      throw bad(what + " has " + count + " elements, not " + wanted);
    }
  }

  private static VcpuSegment segment(VcpuState.Segment s) {
    return VcpuSegment.newBuilder()
        .setSelector(s.selector())
        .setBase(s.base())
        .setLimit(s.limit())
        .setAttributes(s.attributes())
        .build();
  }

  private static VcpuState.Segment segment(VcpuSegment s) {
    if ((s.getSelector() & ~0xFFFF) != 0 || (s.getAttributes() & ~0x1_F0FF) != 0) {
      throw bad(
          "a segment has selector 0x%x, attributes 0x%x"
              .formatted(s.getSelector(), s.getAttributes()));
    }
    return new VcpuState.Segment(s.getSelector(), s.getBase(), s.getLimit(), s.getAttributes());
  }

  private static VcpuTable table(VcpuState.Table t) {
    return VcpuTable.newBuilder().setBase(t.base()).setLimit(t.limit()).build();
  }

  private static VcpuState.Table table(VcpuTable t) {
    if ((t.getLimit() & ~0xFFFF) != 0) {
      throw bad("a descriptor table has limit 0x%x".formatted(t.getLimit()));
    }
    return new VcpuState.Table(t.getBase(), t.getLimit());
  }

  private static VcpuActivity activity(VcpuState.Activity activity) {
    return switch (activity) {
      case RUNNING -> VcpuActivity.VCPU_ACTIVITY_RUNNING;
      case HALTED -> VcpuActivity.VCPU_ACTIVITY_HALTED;
      case WAIT_FOR_SIPI -> VcpuActivity.VCPU_ACTIVITY_WAIT_FOR_SIPI;
      case SHUTDOWN -> VcpuActivity.VCPU_ACTIVITY_SHUTDOWN;
    };
  }

  private static VcpuState.Activity activity(VcpuActivity activity) {
    return switch (activity) {
      case VCPU_ACTIVITY_RUNNING -> VcpuState.Activity.RUNNING;
      case VCPU_ACTIVITY_HALTED -> VcpuState.Activity.HALTED;
      case VCPU_ACTIVITY_WAIT_FOR_SIPI -> VcpuState.Activity.WAIT_FOR_SIPI;
      case VCPU_ACTIVITY_SHUTDOWN -> VcpuState.Activity.SHUTDOWN;
      case VCPU_ACTIVITY_UNSPECIFIED, UNRECOGNIZED ->
          throw bad("the activity " + activity.name() + " is unknown");
    };
  }

  private static CpuException bad(String what) {
    return new CpuException(
        CpuException.Code.BAD_STATE, "the vCPU's section is malformed: " + what);
  }
}
