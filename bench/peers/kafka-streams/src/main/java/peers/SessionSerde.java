package peers;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** Sessions as bytes: eight numbers and the key. */
final class SessionSerde {
  static Serde<Session> serde() {
    return Serdes.serdeFrom((topic, s) -> write(s), (topic, bytes) -> read(bytes));
  }

  private static byte[] write(Session s) {
    if (s == null) {
      return null;
    }
    byte[] key = s.key == null ? new byte[0] : s.key.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(64 + key.length)
        .putLong(s.start).putLong(s.end).putLong(s.events).putLong(s.pageViews)
        .putLong(s.productViews).putLong(s.adds).putLong(s.orders).putLong(s.revenue).put(key).array();
  }

  private static Session read(byte[] bytes) {
    if (bytes == null) {
      return null;
    }
    ByteBuffer in = ByteBuffer.wrap(bytes);
    Session s = new Session();
    s.start = in.getLong();
    s.end = in.getLong();
    s.events = in.getLong();
    s.pageViews = in.getLong();
    s.productViews = in.getLong();
    s.adds = in.getLong();
    s.orders = in.getLong();
    s.revenue = in.getLong();
    s.key = new String(bytes, in.position(), in.remaining(), StandardCharsets.UTF_8);
    return s;
  }

  private SessionSerde() { }
}
