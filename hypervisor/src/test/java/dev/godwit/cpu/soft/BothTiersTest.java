package dev.godwit.cpu.soft;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;

/** The tests of the run loop again, with each block translated before it is first executed. */
class BothTiersTest {
  private static final Translator.Mode USUAL = Guest.translation;

  @BeforeAll
  static void translate() {
    Guest.translation = Translator.Mode.ALWAYS;
  }

  @AfterAll
  static void asBefore() {
    Guest.translation = USUAL;
  }

  @Nested
  class CodeChange extends CodeChangeTest {}

  @Nested
  class DirtyPages extends DirtyPagesTest {}

  @Nested
  class Interruption extends InterruptsTest {}

  @Nested
  class Modes extends ModesTest {}

  @Nested
  class Paging extends PagingTest {}

  @Nested
  class SaveRestore extends SaveRestoreTest {}

  @Nested
  class Strings extends StringInsnTest {}
}
