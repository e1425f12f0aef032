package dev.godwit.guest;

import java.nio.file.Path;

/** Where Debian's packages come from. */
interface PackageSource {
  /**
   * Finds the package that a meta-package stands for today.
   *
   * @param metaPackage a package that depends on the real one
   * @param prefix how the real one's name begins
   * @return the real one's name
   */
  String resolve(String metaPackage, String prefix);

  /**
   * Downloads a package and checks its digest.
   *
   * @param name the package
   * @param folder an existing folder that the file is put into
   */
  DebianPackage fetch(String name, Path folder);
}
