package dev.godwit.cli.host;

import dev.godwit.control.ControlException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A TCP address as users write it.
 *
 * @param host a name or address; IPv6 addresses without their brackets
 * @param port 0–65535
 */
public record Endpoint(String host, int port) {
  private static final Pattern FORM = Pattern.compile("(?:\\[([^\\]]+)]|([^:\\[\\]]+)):(\\d{1,5})");
  private static final int MAX_PORT = 65535;

  /**
   * Reads {@code host:port} or {@code [address]:port}.
   *
   * @throws ControlException {@code BAD_REQUEST}
   */
  public static Endpoint parse(String text) {
    Matcher form = FORM.matcher(text);
    if (form.matches() && Integer.parseInt(form.group(3)) <= MAX_PORT) {
      String host = form.group(1) != null ? form.group(1) : form.group(2);
      return new Endpoint(host, Integer.parseInt(form.group(3)));
    }
    throw new ControlException(
        ControlException.Code.BAD_REQUEST,
        "'"
            + text
            + "' is no address: give HOST:PORT, such as 192.0.2.1:7070 or [2001:db8::1]:7070");
  }

  @Override
  public String toString() {
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }
}
