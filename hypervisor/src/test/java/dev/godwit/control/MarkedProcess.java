package dev.godwit.control;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Makes a mark in the folder of its first argument, says so, and waits for its death. */
final class MarkedProcess {
  private MarkedProcess() {}

  public static void main(String[] args) throws Exception {
    MarkSocket.place(RunDirectory.at(Path.of(args[0])), args[1].getBytes(StandardCharsets.UTF_8));
    System.out.println("marked");
    System.out.flush();
    Thread.sleep(Long.MAX_VALUE);
  }
}
