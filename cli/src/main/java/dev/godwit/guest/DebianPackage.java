package dev.godwit.guest;

import java.nio.file.Path;

/**
 * A package file that was downloaded and found to be the one that the signed index names.
 *
 * @param name the package's name
 * @param version Debian's version of it
 * @param sha256 the digest, from the signed index, that the file was checked against
 * @param file where the {@code .deb} is
 */
record DebianPackage(String name, String version, String sha256, Path file) {}
