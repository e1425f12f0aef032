package dev.godwit.cpu;

/**
 * Where a guest was seen to execute 64-bit code: a hint to decode it before it is executed again,
 * elsewhere. Nothing follows from a wrong one.
 *
 * @param rip the linear address of the first instruction; its offset in a page is that of the gpa
 * @param gfn the page of RAM that it was mapped to
 * @param user whether it was executed at CPL 3
 */
public record CodeHint(long rip, long gfn, boolean user) {}
