package peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.LocalDate;

/** A Segment call: what the jobs use of it. */
public final class Call {
  public String key;
  public String name;
  /** Event time in ms UTC. */
  public long time;
  /** What the products of an order cost, in 1/10,000; 0 for other events. */
  public long amount;

  private static final JsonFactory FACTORY = new JsonFactory();
  private static final String ORDER = "Order Completed";

  /** Reads a record; what is not used is skipped. */
  public static Call parse(byte[] record) throws IOException {
    Call c = new Call();
    String type = null;
    try (JsonParser in = FACTORY.createParser(record)) {
      in.nextToken();
      for (String field = in.nextFieldName(); field != null; field = in.nextFieldName()) {
        switch (field) {
          case "type" -> type = in.nextTextValue();
          case "event" -> c.name = in.nextTextValue();
          case "timestamp" -> c.time = millis(in.nextTextValue());
          case "anonymousId" -> c.key = in.nextTextValue();
          case "properties" -> {
            in.nextToken();
            boolean isOther = c.name != null ? !ORDER.equals(c.name) : type != null && !type.equals("track");
            if (isOther) {
              in.skipChildren();
            } else {
              c.amount = products(in);
            }
          }
          default -> {
            in.nextToken();
            in.skipChildren();
          }
        }
      }
    }
    if (c.name == null) {
      c.name = type;
    }
    if (!ORDER.equals(c.name)) {
      c.amount = 0;
    }
    return c;
  }

  private static long products(JsonParser in) throws IOException {
    long sum = 0;
    for (String field = in.nextFieldName(); field != null; field = in.nextFieldName()) {
      JsonToken value = in.nextToken();
      if (!field.equals("products") || value != JsonToken.START_ARRAY) {
        in.skipChildren();
        continue;
      }
      while (in.nextToken() == JsonToken.START_OBJECT) {
        BigDecimal price = BigDecimal.ZERO;
        BigDecimal quantity = BigDecimal.ZERO;
        for (String f = in.nextFieldName(); f != null; f = in.nextFieldName()) {
          in.nextToken();
          switch (f) {
            case "price" -> price = in.getDecimalValue();
            case "quantity" -> quantity = in.getDecimalValue();
            default -> in.skipChildren();
          }
        }
        sum += price.multiply(quantity).movePointRight(4).setScale(0, RoundingMode.HALF_UP).longValueExact();
      }
    }
    return sum;
  }

  /** Reads 2026-03-02T00:00:00.000Z, which java.time does in ten times the time. */
  static long millis(String t) throws IOException {
    if (t.length() != 24 || t.charAt(10) != 'T' || t.charAt(23) != 'Z') {
      throw new IOException("timestamp " + t + " is not of the form 2026-03-02T00:00:00.000Z");
    }
    int year = number(t, 0, 4);
    int month = number(t, 5, 7);
    int day = number(t, 8, 10);
    return LocalDate.of(year, month, day).toEpochDay() * 86_400_000L
        + number(t, 11, 13) * 3_600_000L + number(t, 14, 16) * 60_000L + number(t, 17, 19) * 1000L + number(t, 20, 23);
  }

  private static int number(String s, int from, int to) throws IOException {
    int n = 0;
    for (int i = from; i < to; i++) {
      int d = s.charAt(i) - '0';
      if (d < 0 || d > 9) {
        throw new IOException("timestamp " + s + ": digits expected at " + from);
      }
      n = 10 * n + d;
    }
    return n;
  }
}
