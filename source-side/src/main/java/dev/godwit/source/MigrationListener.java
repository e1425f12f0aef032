package dev.godwit.source;

/**
 * Watches a migration. Called by one thread at a time, quickly after each change and several times
 * a second between.
 */
public interface MigrationListener {
  /** Watches nothing. */
  MigrationListener NONE = progress -> {};

  /** Called with how far it is; must return soon and not throw. */
  void progress(MigrationProgress progress);
}
