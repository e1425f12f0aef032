package dev.godwit.cli.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.control.ControlException;
import java.util.List;
import org.junit.jupiter.api.Test;

class EndpointTest {
  @Test
  void readsNamesAndAddresses() {
    assertEquals(new Endpoint("host", 7070), Endpoint.parse("host:7070"));
    assertEquals(new Endpoint("0.0.0.0", 0), Endpoint.parse("0.0.0.0:0"));
    assertEquals(new Endpoint("::1", 65535), Endpoint.parse("[::1]:65535"));
    assertEquals("[::1]:65535", new Endpoint("::1", 65535).toString());
  }

  @Test
  void refusesWhatIsNone() {
    for (String text : List.of("", "host", ":7", "host:", "host:65536", "::1:7", "host:-1")) {
      ControlException e = assertThrows(ControlException.class, () -> Endpoint.parse(text), text);
      assertEquals(ControlException.Code.BAD_REQUEST, e.code());
    }
  }
}
