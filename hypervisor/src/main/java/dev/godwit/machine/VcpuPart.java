package dev.godwit.machine;

import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuStateCodec;
import dev.godwit.proto.v1.VcpuSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** A vCPU's section. */
final class VcpuPart implements SavedPart<VcpuSection> {
  private static final SectionKind<VcpuSection> KIND =
      SectionKind.first("vcpu", SectionGroup.KERNEL, VcpuSection.getDefaultInstance());

  private final Vcpu vcpu;

  VcpuPart(Vcpu vcpu) {
    this.vcpu = vcpu;
  }

  @Override
  public SectionKind<VcpuSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return Integer.toString(vcpu.index());
  }

  @Override
  public VcpuSection save() {
    return VcpuStateCodec.toProto(vcpu.save());
  }

  @Override
  public void restore(VcpuSection state) {
    vcpu.restore(VcpuStateCodec.fromProto(state));
  }
}
