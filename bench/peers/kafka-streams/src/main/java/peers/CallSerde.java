package peers;

import java.io.IOException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** Reads Segment calls; none is ever written. */
final class CallSerde {
  static Serde<Call> serde() {
    return Serdes.serdeFrom(
        (topic, call) -> {
          throw new UnsupportedOperationException("calls are not written");
        },
        (topic, bytes) -> {
          try {
            return Call.parse(bytes);
          } catch (IOException e) {
            throw new SerializationException(e);
          }
        });
  }

  private CallSerde() { }
}
