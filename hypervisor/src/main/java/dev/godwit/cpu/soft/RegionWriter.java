package dev.godwit.cpu.soft;

import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes the class of a {@link Region}: its frame, its locals, its exits. {@link InsnWriter} writes
 * the instructions.
 *
 * <p>The general registers and the flags ({@link LazyFlags}) are locals from the entry on; every
 * way out of the method writes them back. A fault comes to a handler, which does that too; a local
 * tells it which instruction it was, and costs nothing in compiled code, since it is constant
 * wherever it is used. Instructions that are not translated are executed by their node, between a
 * write-back and a reload.
 *
 * <p>At each edge that leads back in the order of the blocks, so at least once in every loop, the
 * code looks at {@link SoftCpu#attention}.
 *
 * <p>Confined to a thread; a writer translates one region.
 */
final class RegionWriter {
  static final ClassDesc CPU = ClassDesc.of("dev.godwit.cpu.soft.SoftCpu");
  static final ClassDesc LAZY = ClassDesc.of("dev.godwit.cpu.soft.LazyFlags");
  private static final ClassDesc SELF = ClassDesc.of("dev.godwit.cpu.soft.Translated");
  private static final ClassDesc VAR_HANDLE = ClassDesc.of("java.lang.invoke.VarHandle");
  private static final ClassDesc REGION = ClassDesc.of("dev.godwit.cpu.soft.Region");
  private static final ClassDesc SHAPE = ClassDesc.of("dev.godwit.cpu.soft.Region$Shape");
  private static final ClassDesc INSN = ClassDesc.of("dev.godwit.cpu.soft.Insn");
  private static final ClassDesc ACCESS = ClassDesc.of("dev.godwit.cpu.soft.RegionAccess");
  private static final ClassDesc LONGS = CD_long.arrayType();

  // Locals. Those of the general registers start at REGS, two slots each.
  private static final int THIS = 0;
  private static final int C = 1;
  private static final int REGS = 2;
  static final int KIND = 34;
  static final int X = 35;
  static final int Y = 37;
  private static final int PLACE = 39;
  private static final int RETIRED = 40;
  static final int RIP = 42;
  private static final int FIRST_TEMPORARY = 44;

  private static final int GENERAL_REGISTERS = 16;
  private static final int ALL_REGISTERS = (1 << GENERAL_REGISTERS) - 1;

  /** A class file beyond this size is too much for the JVM's compilers to be worth it. */
  private static final int MOST_BYTES = 16_000;

  private final RegionPlan plan;

  /** General registers that the region uses, and those that it changes: all, for the dry run. */
  private int used = ALL_REGISTERS;

  private int changed = ALL_REGISTERS;

  /** What the dry run has found of these. */
  private int seenUsed;

  private int seenChanged;

  // What one run of the writer has written so far.
  private CodeBuilder b;
  private int temporaries;
  private final List<Insn> nodes = new ArrayList<>();
  private final List<Insn> placeInsns = new ArrayList<>();
  private final List<Integer> placeDone = new ArrayList<>();
  private final Map<Long, Integer> indexOfRip = new HashMap<>();
  private final List<Label> starts = new ArrayList<>();
  private final Map<Exit, Label> exits = new LinkedHashMap<>();
  private Label leave;
  private Label leaveWritten;
  private Label leaveByNode;
  private Label callFault;

  /** The block being written. */
  private int at;

  /** The instruction being written and its place in its block. */
  private Insn insn;

  private int done;

  /** A way out before the instruction at an RIP, that many instructions of the block done. */
  private record Exit(long rip, int done, boolean written) {}

  @SuppressWarnings("NullAway") // the builder and the labels are there while code is written
  private RegionWriter(RegionPlan plan) {
    this.plan = plan;
    for (int i = 0; i < plan.parts().size(); i++) {
      indexOfRip.put(plan.parts().get(i).block().rip, i);
    }
  }

  /** Translates a region, or as much of it as makes sense. Any thread; takes milliseconds. */
  static Region write(RegionPlan wanted, SoftCpu cpu) {
    RegionPlan plan = wanted;
    while (true) {
      RegionWriter writer = new RegionWriter(plan);
      // A dry run finds out which registers matter.
      int size = writer.classFile().length;
      int blocks = plan.parts().size();
      if (size <= MOST_BYTES || blocks == 1) {
        writer.used = writer.seenUsed;
        writer.changed = writer.seenChanged;
        return writer.load(cpu);
      }
      plan = plan.first(Math.max(1, (int) ((long) blocks * MOST_BYTES / size)));
    }
  }

  private Region load(SoftCpu cpu) {
    byte[] bytes = classFile();
    Region.Shape shape =
        new Region.Shape(
            plan.head(),
            plan.parts().stream().map(RegionPlan.Part::block).toList(),
            placeInsns.toArray(new Insn[0]),
            placeDone.stream().mapToInt(Integer::intValue).toArray(),
            plan.tlb());
    List<Object> data = new ArrayList<>(List.of(plan.tlb(), cpu.regs, cpu.segBase));
    data.addAll(nodes);
    try {
      MethodHandles.Lookup defined =
          MethodHandles.lookup().defineHiddenClassWithClassData(bytes, data.toArray(), true);
      return (Region)
          defined
              .findConstructor(
                  defined.lookupClass(),
                  java.lang.invoke.MethodType.methodType(void.class, Region.Shape.class))
              .invoke(shape);
    } catch (Throwable e) {
      throw new IllegalStateException("the translated region cannot be loaded", e);
    }
  }

  // The class.

  private byte[] classFile() {
    return ClassFile.of()
        .build(
            SELF,
            cb -> {
              cb.withSuperclass(REGION).withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SUPER);
              cb.withMethodBody(
                  ConstantDescs.INIT_NAME,
                  MethodTypeDesc.of(CD_void, SHAPE),
                  0,
                  code ->
                      code.aload(0)
                          .aload(1)
                          .invokespecial(
                              REGION, ConstantDescs.INIT_NAME, MethodTypeDesc.of(CD_void, SHAPE))
                          .return_());
              cb.withMethodBody("run", MethodTypeDesc.of(CD_void, CPU), 0, this::run);
              List<String> names = new ArrayList<>(List.of("tlb", "regs", "segBase"));
              List<ClassDesc> types = new ArrayList<>(List.of(LONGS, LONGS, LONGS));
              for (int i = 0; i < nodes.size(); i++) {
                names.add("node" + i);
                types.add(INSN);
              }
              int constant = ClassFile.ACC_STATIC | ClassFile.ACC_FINAL | ClassFile.ACC_PRIVATE;
              for (int i = 0; i < names.size(); i++) {
                cb.withField(names.get(i), types.get(i), constant);
              }
              cb.withMethodBody(
                  ConstantDescs.CLASS_INIT_NAME,
                  MethodTypeDesc.of(CD_void),
                  ClassFile.ACC_STATIC,
                  code -> constants(code, names, types));
            });
  }

  private static void constants(CodeBuilder code, List<String> names, List<ClassDesc> types) {
    ClassDesc handles = ClassDesc.of("java.lang.invoke.MethodHandles");
    ClassDesc lookup = handles.nested("Lookup");
    ClassDesc objects = ConstantDescs.CD_Object.arrayType();
    code.invokestatic(handles, "lookup", MethodTypeDesc.of(lookup))
        .loadConstant("_")
        .loadConstant(objects)
        .invokestatic(
            handles,
            "classData",
            MethodTypeDesc.of(
                ConstantDescs.CD_Object, lookup, ConstantDescs.CD_String, ConstantDescs.CD_Class))
        .checkcast(objects)
        .astore(0);
    for (int i = 0; i < names.size(); i++) {
      code.aload(0)
          .loadConstant(i)
          .aaload()
          .checkcast(types.get(i))
          .putstatic(SELF, names.get(i), types.get(i));
    }
    code.return_();
  }

  // The method.

  private void run(CodeBuilder code) {
    b = code;
    nodes.clear();
    placeInsns.clear();
    placeDone.clear();
    starts.clear();
    exits.clear();
    for (int i = 0; i < plan.parts().size(); i++) {
      starts.add(b.newLabel());
    }
    leave = b.newLabel();
    leaveWritten = b.newLabel();
    leaveByNode = b.newLabel();
    callFault = b.newLabel();
    entry();
    Label first = b.newBoundLabel();
    InsnWriter insns = new InsnWriter(this, b);
    for (at = 0; at < plan.parts().size(); at++) {
      block(insns, plan.parts().get(at));
    }
    writeExits();
    Label end = b.newBoundLabel();
    epilogue();
    handlers(first, end);
  }

  private void entry() {
    for (int reg = 0; reg < GENERAL_REGISTERS; reg++) {
      if ((used >> reg & 1) != 0) {
        b.getstatic(SELF, "regs", LONGS).loadConstant(reg).laload().lstore(slot(reg));
      }
    }
    b.iconst_0().istore(PLACE);
    b.lconst_0().lstore(RIP);
    b.aload(C).getfield(CPU, "retired", CD_long).lstore(RETIRED);
    loadFlags();
  }

  private void loadFlags() {
    b.iconst_0().istore(KIND);
    b.aload(C).getfield(CPU, "flagResult", CD_long).lstore(X);
    b.aload(C).getfield(CPU, "flagAux", CD_long).lstore(Y);
  }

  private void block(InsnWriter insns, RegionPlan.Part part) {
    temporaries = FIRST_TEMPORARY;
    b.labelBinding(starts.get(at));
    insns.startBlock();
    Insn[] code = part.code();
    for (done = 0; done < code.length; done++) {
      insn = code[done];
      if (done == code.length - 1) {
        last(insns, part);
      } else if (!insns.write(insn)) {
        callNode(false);
        insns.flagsReloaded();
      }
    }
  }

  private void last(InsnWriter insns, RegionPlan.Part part) {
    if (insn.endsBlock()) {
      if (!insns.writeBranch(insn, part.followers())) {
        callNode(true);
      }
    } else {
      if (!insns.write(insn)) {
        callNode(false);
        insns.flagsReloaded();
      }
      retireBlock();
      jump(part.block().endRip);
    }
  }

  /** Counts the block's instructions, all of which are done; comes before its branch. */
  void retireBlock() {
    b.lload(RETIRED).loadConstant((long) plan.parts().get(at).code().length).ladd().lstore(RETIRED);
  }

  /** Goes to an RIP, in the region or out of it, after {@link #retireBlock}. */
  void jump(long rip) {
    Integer to = indexOfRip.get(rip);
    if (to == null) {
      b.goto_(exit(rip, 0, false));
      return;
    }
    if (to <= at) {
      b.aload(C).lload(RETIRED).putfield(CPU, "retired", CD_long);
      b.aload(C).getfield(CPU, "attention", CD_boolean).ifne(exit(rip, 0, false));
    }
    b.goto_(starts.get(to));
  }

  boolean contains(long rip) {
    return indexOfRip.containsKey(rip);
  }

  /** Leaves the region; RIP is in its local. */
  void leaveToRip() {
    b.goto_(leave);
  }

  // Exits.

  private Label exit(long rip, int done, boolean written) {
    return exits.computeIfAbsent(new Exit(rip, done, written), e -> b.newLabel());
  }

  /** Returns where to go to leave the region after the instruction at hand. */
  Label exitAfter() {
    return exit(insn.nextRip, done + 1, false);
  }

  /** As {@link #exitAfter} after a branch to an RIP whose block was retired. */
  Label exitTo(long rip) {
    return exit(rip, 0, false);
  }

  private void writeExits() {
    exits.forEach(
        (exit, label) -> {
          b.labelBinding(label);
          if (exit.done != 0) {
            b.lload(RETIRED).loadConstant((long) exit.done).ladd().lstore(RETIRED);
          }
          b.loadConstant(exit.rip).lstore(RIP).goto_(exit.written ? leaveWritten : leave);
        });
  }

  private void epilogue() {
    b.labelBinding(leave);
    writeBack();
    b.labelBinding(leaveWritten);
    b.aload(C).lload(RIP).putfield(CPU, "rip", CD_long);
    b.aload(C).lload(RETIRED).putfield(CPU, "retired", CD_long);
    b.return_();
    b.labelBinding(leaveByNode);
    writeBack();
    Label from = b.newBoundLabel();
    b.aload(THIS).aload(C).iload(PLACE).lload(RETIRED);
    b.invokevirtual(REGION, "leaveByNode", MethodTypeDesc.of(CD_void, CPU, CD_int, CD_long));
    b.exceptionCatchAll(from, b.newBoundLabel(), callFault);
    b.return_();
  }

  private void handlers(Label first, Label end) {
    b.exceptionCatchAll(first, end, b.newBoundLabel());
    int thrown = temporaries; // beyond what any block needs is not needed: nothing else is live
    b.astore(thrown);
    writeBack();
    b.aload(thrown);
    b.labelBinding(callFault);
    b.astore(thrown);
    b.aload(THIS).aload(C).iload(PLACE).lload(RETIRED);
    b.invokevirtual(REGION, "faulted", MethodTypeDesc.of(CD_void, CPU, CD_int, CD_long));
    b.aload(thrown).athrow();
  }

  // State.

  static int slot(int reg) {
    return REGS + 2 * reg;
  }

  /** Reserves a local for a long until the end of the block. */
  int temporary() {
    temporaries += 2;
    return temporaries - 2;
  }

  void load(int reg) {
    if (reg == DecodeContext.NO_REGISTER) {
      b.lconst_0();
    } else {
      seenUsed |= 1 << reg;
      b.lload(slot(reg));
    }
  }

  void store(int reg) {
    seenUsed |= 1 << reg; // on some path it may be written back as it came
    seenChanged |= 1 << reg;
    b.lstore(slot(reg));
  }

  /** Notes that the instruction at hand may fault from here on. */
  void mayFault() {
    b.loadConstant(placeInsns.size()).istore(PLACE);
    placeInsns.add(insn);
    placeDone.add(done);
  }

  private void writeBack() {
    for (int reg = 0; reg < GENERAL_REGISTERS; reg++) {
      if ((changed >> reg & 1) != 0) {
        b.getstatic(SELF, "regs", LONGS).loadConstant(reg).lload(slot(reg)).lastore();
      }
    }
    b.aload(C).iload(KIND).lload(X).lload(Y);
    b.invokestatic(LAZY, "store", MethodTypeDesc.of(CD_void, CPU, CD_int, CD_long, CD_long));
  }

  // Nodes.

  /** Executes the instruction by its node; an {@code ending} one ends the region too. */
  private void callNode(boolean ending) {
    mayFault();
    writeBack();
    execute();
    if (ending) {
      b.aload(C).getfield(CPU, "rip", CD_long).lstore(RIP);
      retireBlock();
      b.goto_(leaveWritten);
      return;
    }
    b.aload(THIS).getfield(REGION, "dead", CD_boolean).ifne(exit(insn.nextRip, done + 1, true));
    for (int reg = 0; reg < GENERAL_REGISTERS; reg++) {
      if ((used >> reg & 1) != 0) {
        b.getstatic(SELF, "regs", LONGS).loadConstant(reg).laload().lstore(slot(reg));
      }
    }
    loadFlags();
  }

  private void execute() {
    Label from = b.newBoundLabel();
    b.getstatic(SELF, "node" + nodes.size(), INSN).aload(C);
    b.invokevirtual(INSN, "execute", MethodTypeDesc.of(CD_void, CPU));
    Label to = b.newBoundLabel();
    b.exceptionCatchAll(from, to, callFault);
    nodes.add(insn);
  }

  /**
   * If the int on the stack is 0, executes the instruction at hand by its node and leaves the
   * region; after {@link #mayFault}.
   */
  void leaveByNodeIfZero() {
    b.ifeq(leaveByNode);
  }

  // Memory.

  /** Reads at the address on the stack, zero-extended; {@code how} is in {@link RegionAccess}. */
  void read(String how) {
    mayFault();
    b.getstatic(SELF, "tlb", LONGS).aload(C);
    b.invokestatic(ACCESS, how, MethodTypeDesc.of(CD_long, CD_long, LONGS, CPU));
    if (plan.shared()) {
      // x86 loads are in order; the JVM's compiler may reorder plain ones. No instruction on x86.
      b.invokestatic(VAR_HANDLE, "loadLoadFence", MethodTypeDesc.of(CD_void));
    }
  }

  /** x86 stores come after the loads and stores before them. No instruction on x86, either. */
  private void orderStores() {
    if (plan.shared()) {
      b.invokestatic(VAR_HANDLE, "releaseFence", MethodTypeDesc.of(CD_void));
    }
  }

  /** Writes with address and value on the stack; leaves there whether the region must end. */
  void write(String how) {
    mayFault();
    orderStores();
    b.getstatic(SELF, "tlb", LONGS).aload(C).aload(THIS);
    b.invokestatic(
        ACCESS, how, MethodTypeDesc.of(CD_boolean, CD_long, CD_long, LONGS, CPU, REGION));
  }

  /** Replaces the address on the stack by the hva for a read-modify-write, or 0. */
  void updateHva(int bytes) {
    mayFault();
    b.loadConstant(bytes).getstatic(SELF, "tlb", LONGS).aload(C);
    b.invokestatic(ACCESS, "updateHva", MethodTypeDesc.of(CD_long, CD_long, CD_int, LONGS, CPU));
  }

  void get(int bytes) {
    b.invokestatic(ACCESS, "get" + bytes, MethodTypeDesc.of(CD_long, CD_long));
  }

  void put(int bytes) {
    orderStores();
    b.invokestatic(ACCESS, "put" + bytes, MethodTypeDesc.of(CD_void, CD_long, CD_long));
  }

  void segmentBase(int segment) {
    b.getstatic(SELF, "segBase", LONGS).loadConstant(segment).laload();
  }
}
