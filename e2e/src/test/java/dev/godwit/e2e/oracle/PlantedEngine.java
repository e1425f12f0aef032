package dev.godwit.e2e.oracle;

import dev.godwit.cpu.CpuEngine;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.ReturnInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;

/**
 * The engine {@code soft} with one bug: NEG leaves CF inverted. Its classes are loaded a second
 * time, one of them rewritten on the way.
 */
final class PlantedEngine {
  private static final String SOFT = "dev.godwit.cpu.soft.";
  private static final long CARRY = 3L << 62;

  private PlantedEngine() {}

  static CpuEngine create() {
    try {
      return (CpuEngine)
          new Loader().loadClass(SOFT + "SoftCpuEngine").getDeclaredConstructor().newInstance();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Makes every return of Alu.neg flip bits 63 and 62 of the CPU's flagAux: CF, and OF not. */
  private static byte[] plant(byte[] alu) {
    ClassDesc cpu = ClassDesc.of(SOFT + "SoftCpu");
    CodeTransform flip =
        (code, element) -> {
          if (element instanceof ReturnInstruction r && r.opcode() == Opcode.LRETURN) {
            code.aload(0)
                .dup()
                .getfield(cpu, "flagAux", ConstantDescs.CD_long)
                .loadConstant(CARRY)
                .lxor()
                .putfield(cpu, "flagAux", ConstantDescs.CD_long);
          }
          code.with(element);
        };
    ClassFile file = ClassFile.of();
    return file.transformClass(
        file.parse(alu),
        ClassTransform.transformingMethodBodies(
            method -> method.methodName().equalsString("neg"), flip));
  }

  private static final class Loader extends ClassLoader {
    Loader() {
      super(PlantedEngine.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith(SOFT)) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        return loaded == null ? define(name) : loaded;
      }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
      try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
        if (in == null) {
          throw new ClassNotFoundException(name);
        }
        byte[] bytes = in.readAllBytes();
        byte[] code = name.equals(SOFT + "Alu") ? plant(bytes) : bytes;
        return defineClass(name, code, 0, code.length);
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
  }
}
