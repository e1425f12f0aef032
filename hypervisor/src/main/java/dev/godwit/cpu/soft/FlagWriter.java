package dev.godwit.cpu.soft;

import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Writes what sets and reads the flags in their three locals ({@link LazyFlags}). Within a block it
 * knows which kind they are; a branch on a comparison then becomes a comparison of the JVM.
 */
final class FlagWriter {
  private static final ClassDesc FLAGS = ClassDesc.of("dev.godwit.cpu.soft.Flags");
  private static final MethodTypeDesc OF_THREE =
      MethodTypeDesc.of(CD_long, CD_int, CD_long, CD_long);
  private static final int UNKNOWN = -1;

  // Condition codes, without bit 0, which inverts.
  private static final int BELOW = 2;
  private static final int EQUAL = 4;
  private static final int BELOW_OR_EQUAL = 6;
  private static final int SIGN = 8;
  private static final int LESS = 12;
  private static final int LESS_OR_EQUAL = 14;

  private final CodeBuilder b;

  /** The kind at this place, or {@link #UNKNOWN}. */
  private int kind = UNKNOWN;

  /** Whether the kind is RAW and y is 0: after logic. */
  private boolean logic;

  FlagWriter(CodeBuilder b) {
    this.b = b;
  }

  /** Forgets what is known. */
  void unknown() {
    kind = UNKNOWN;
    logic = false;
  }

  /** After x and y have been stored: says what they are. */
  void set(int newKind) {
    if (kind != newKind) {
      b.loadConstant(newKind).istore(RegionWriter.KIND);
    }
    kind = newKind;
    logic = false;
  }

  /** After x has been stored: the flags are those of logic with that result. */
  void setLogic() {
    b.lconst_0().lstore(RegionWriter.Y);
    set(LazyFlags.RAW);
    logic = true;
  }

  void lazy(String method, MethodTypeDesc type) {
    kindAndOperands();
    b.invokestatic(RegionWriter.LAZY, method, type);
  }

  private void kindAndOperands() {
    if (kind == UNKNOWN) {
      b.iload(RegionWriter.KIND);
    } else {
      b.loadConstant(kind);
    }
    b.lload(RegionWriter.X).lload(RegionWriter.Y);
  }

  /** Turns the flags into raw ones, for instructions that change some of them. */
  void makeRaw(int temporary) {
    if (kind == LazyFlags.RAW) {
      logic = false;
      return;
    }
    lazy("result", OF_THREE);
    b.lstore(temporary);
    lazy("aux", OF_THREE);
    b.lstore(RegionWriter.Y);
    b.lload(temporary).lstore(RegionWriter.X);
    set(LazyFlags.RAW);
  }

  /** Makes the sign bit of y be CF, as INC and DEC leave it; x may be anything after. */
  void keepCarryOnly() {
    if (kind == UNKNOWN) {
      Label there = b.newLabel();
      b.iload(RegionWriter.KIND).loadConstant(LazyFlags.LAST_WITH_CARRY).if_icmple(there);
      lazy("aux", OF_THREE);
      b.lstore(RegionWriter.Y);
      b.labelBinding(there);
    } else if (kind > LazyFlags.LAST_WITH_CARRY) {
      lazy("aux", OF_THREE);
      b.lstore(RegionWriter.Y);
    }
  }

  /** Pushes CF as a long, 0 or 1. */
  void carry() {
    lazy("carry", OF_THREE);
  }

  /** Goes to a label if a condition holds. */
  void branchIf(int code, Label label) {
    boolean inverted = (code & 1) != 0;
    int what = code & 14;
    if (kind >= LazyFlags.SUB && branchOnComparison(what, inverted, label)
        || (logic || kind >= LazyFlags.INC && kind <= LazyFlags.LAST_WITH_CARRY)
            && branchOnResult(what, inverted, label)) {
      return;
    }
    if (kind == LazyFlags.RAW && what == EQUAL) {
      compareWithZero();
      branch(inverted ? Sense.NE : Sense.EQ, label);
      return;
    }
    if (kind >= LazyFlags.RAW && kind <= LazyFlags.LAST_WITH_CARRY && what == BELOW) {
      b.lload(RegionWriter.Y).lconst_0().lcmp();
      branch(inverted ? Sense.GE : Sense.LT, label);
      return;
    }
    b.loadConstant(code);
    kindAndOperands();
    b.invokestatic(
        RegionWriter.LAZY,
        "condition",
        MethodTypeDesc.of(CD_boolean, CD_int, CD_int, CD_long, CD_long));
    b.ifne(label);
  }

  private enum Sense {
    EQ,
    NE,
    LT,
    GE,
    LE,
    GT
  }

  private void branch(Sense sense, Label label) {
    switch (sense) {
      case EQ -> b.ifeq(label);
      case NE -> b.ifne(label);
      case LT -> b.iflt(label);
      case GE -> b.ifge(label);
      case LE -> b.ifle(label);
      case GT -> b.ifgt(label);
    }
  }

  private void compareWithZero() {
    b.lload(RegionWriter.X).lconst_0().lcmp();
  }

  /** After SUB: the condition is one on the operands. */
  private boolean branchOnComparison(int what, boolean inverted, Label label) {
    boolean wide = kind == LazyFlags.SUB + LazyFlags.width(64);
    Sense sense;
    boolean unsigned = false;
    switch (what) {
      case EQUAL -> sense = inverted ? Sense.NE : Sense.EQ;
      case LESS -> sense = inverted ? Sense.GE : Sense.LT;
      case LESS_OR_EQUAL -> sense = inverted ? Sense.GT : Sense.LE;
      case BELOW -> {
        sense = inverted ? Sense.GE : Sense.LT;
        unsigned = true;
      }
      case BELOW_OR_EQUAL -> {
        sense = inverted ? Sense.GT : Sense.LE;
        unsigned = true;
      }
      default -> {
        return false;
      }
    }
    b.lload(RegionWriter.X);
    if (!wide) {
      b.l2i();
    }
    b.lload(RegionWriter.Y);
    if (!wide) {
      b.l2i();
    }
    if (wide) {
      if (unsigned) {
        b.invokestatic(
            ClassDesc.of("java.lang.Long"),
            "compareUnsigned",
            MethodTypeDesc.of(CD_int, CD_long, CD_long));
      } else {
        b.lcmp();
      }
      branch(sense, label);
    } else if (unsigned) {
      b.invokestatic(
          ClassDesc.of("java.lang.Integer"),
          "compareUnsigned",
          MethodTypeDesc.of(CD_int, CD_int, CD_int));
      branch(sense, label);
    } else {
      switch (sense) {
        case EQ -> b.if_icmpeq(label);
        case NE -> b.if_icmpne(label);
        case LT -> b.if_icmplt(label);
        case GE -> b.if_icmpge(label);
        case LE -> b.if_icmple(label);
        case GT -> b.if_icmpgt(label);
      }
    }
    return true;
  }

  /** After logic (CF and OF clear), and what INC and DEC leave alike: one on the result. */
  private boolean branchOnResult(int what, boolean inverted, Label label) {
    Sense sense;
    switch (what) {
      case EQUAL -> sense = inverted ? Sense.NE : Sense.EQ;
      case SIGN -> sense = inverted ? Sense.GE : Sense.LT;
      case LESS, LESS_OR_EQUAL, BELOW_OR_EQUAL -> {
        if (!logic) {
          return false;
        }
        sense =
            switch (what) {
              case LESS -> inverted ? Sense.GE : Sense.LT;
              case LESS_OR_EQUAL -> inverted ? Sense.GT : Sense.LE;
              default -> inverted ? Sense.NE : Sense.EQ;
            };
      }
      default -> {
        return false;
      }
    }
    compareWithZero();
    branch(sense, label);
    return true;
  }

  /** Replaces y by it with the sign bit of the long on the stack as CF; the flags are raw. */
  void setCarryFromSign(int temporary) {
    b.lstore(temporary);
    b.lload(RegionWriter.Y).lload(temporary);
    b.invokestatic(FLAGS, "keepCarry", MethodTypeDesc.of(CD_long, CD_long, CD_long));
    b.lstore(RegionWriter.Y);
  }
}
