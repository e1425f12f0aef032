package dev.godwit.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.TransferEvent;
import java.util.Locale;
import java.util.function.Function;

/**
 * What {@code --json} prints: one object a line, its fields named as the records' components,
 * states and phases as people see them.
 */
final class Json {
  private static final Gson EVENTS =
      new GsonBuilder()
          .disableHtmlEscaping()
          .registerTypeAdapter(TransferEvent.Kind.class, text(TransferEvent.Kind::text))
          .registerTypeAdapter(TransferEvent.Phase.class, text(TransferEvent.Phase::text))
          .create();

  private static final Gson GSON =
      new GsonBuilder()
          .disableHtmlEscaping()
          .registerTypeAdapter(MachineStatus.State.class, text(MachineStatus.State::text))
          .registerTypeAdapter(
              TransferEvent.class,
              (JsonSerializer<TransferEvent>) (event, type, context) -> digestAsText(event))
          .create();

  private Json() {}

  /** A digest has 64 bits: as a number, many a JSON reader would round it. */
  private static JsonObject digestAsText(TransferEvent event) {
    JsonObject object = EVENTS.toJsonTree(event).getAsJsonObject();
    object.remove("ramDigest");
    if (event.ramDigest() != 0) {
      object.addProperty("ramDigest", String.format(Locale.ROOT, "0x%016x", event.ramDigest()));
    }
    return object;
  }

  private static <T> JsonSerializer<T> text(Function<T, String> name) {
    return (value, type, context) -> new JsonPrimitive(name.apply(value));
  }

  /** Returns a record as one line. */
  static String line(Object value) {
    return GSON.toJson(value);
  }

  /** Returns a record as an object, to add to it. */
  static JsonObject object(Object value) {
    return GSON.toJsonTree(value).getAsJsonObject();
  }

  /** Returns an element as one line. */
  static String line(JsonElement element) {
    return GSON.toJson(element);
  }
}
