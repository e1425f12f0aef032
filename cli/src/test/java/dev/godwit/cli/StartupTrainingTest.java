package dev.godwit.cli;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;

import org.junit.jupiter.api.Test;

class StartupTrainingTest {

  /** The launcher goes on without a cache when this fails, so nobody else would notice. */
  @Test
  void moveOfASmallMachineToItselfSucceeds() {
    assertDoesNotThrow(() -> StartupTraining.main(new String[0]));
  }
}
