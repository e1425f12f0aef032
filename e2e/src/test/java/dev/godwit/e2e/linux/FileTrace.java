package dev.godwit.e2e.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which files a process and its threads open for writing, as strace(1) sees it. */
final class FileTrace {
  private static final Pattern OPEN =
      Pattern.compile("(?:openat\\(AT_FDCWD, |open\\(|creat\\()\"([^\"]*)\"(.*)");

  /** Calls that make or change a file by its name; every path in them must be harmless. */
  private static final Pattern CHANGE =
      Pattern.compile("\\b(?:openat2|rename\\w*|link\\w*|truncate)\\(");

  private static final Pattern PATH = Pattern.compile("\"([^\"]*)\"");

  private FileTrace() {}

  /** Returns a command that runs another one under strace. */
  static List<String> command(Path trace, List<String> traced) throws IOException {
    Files.createDirectories(trace.getParent());
    List<String> command =
        new ArrayList<>(
            List.of(
                "strace",
                "-f",
                "--seccomp-bpf",
                "-e",
                "trace=open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,truncate",
                "-o",
                trace.toString()));
    command.addAll(traced);
    return command;
  }

  /** Returns how many files were opened at all. */
  static long opened(Path trace) throws IOException {
    return Files.readAllLines(trace).stream().filter(line -> OPEN.matcher(line).find()).count();
  }

  /**
   * Returns the files that were opened for writing, renamed, linked or truncated, but for devices,
   * what the kernel makes up and what is below a folder (of control sockets).
   */
  static List<String> written(Path trace, Path except) throws IOException {
    List<String> written = new ArrayList<>();
    for (String line : Files.readAllLines(trace)) {
      if (line.contains(" = -1 ")) {
        continue;
      }
      Matcher open = OPEN.matcher(line);
      if (open.find()) {
        String flags = open.group(2);
        boolean writes =
            line.contains("creat(")
                || flags.contains("O_WRONLY")
                || flags.contains("O_RDWR")
                || flags.contains("O_CREAT")
                || flags.contains("O_TMPFILE");
        if (writes && !isHarmless(open.group(1), except)) {
          written.add(open.group(1));
        }
      } else if (CHANGE.matcher(line).find()) {
        List<String> paths = PATH.matcher(line).results().map(path -> path.group(1)).toList();
        if (paths.isEmpty() || !paths.stream().allMatch(path -> isHarmless(path, except))) {
          written.add(line);
        }
      }
    }
    return written;
  }

  private static boolean isHarmless(String path, Path except) {
    return path.startsWith("/dev/")
        || path.startsWith("/proc/")
        || path.startsWith("/sys/")
        || path.startsWith(except + "/");
  }
}
