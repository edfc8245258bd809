package peers;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Moves stream time on: Kafka Streams closes a window only when a later record
 * of the same partition comes. Its records have a key of their own, whose rows
 * are no facts.
 */
final class Flusher implements AutoCloseable {
  static final String KEY = "flush";
  static final String EVENT = "Flush";
  private final KafkaProducer<String, byte[]> producer;
  private final String topic;
  private long time;

  Flusher(String brokers, String topic, long from) {
    Properties p = new Properties();
    p.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    producer = new KafkaProducer<>(p, new StringSerializer(), new ByteArraySerializer());
    this.topic = topic;
    time = from;
  }

  void flush() {
    time += 1000;
    String at = Instant.ofEpochMilli(time).toString();
    String whole = at.length() == 24 ? at : at.substring(0, 19) + ".000Z";
    String value = "{\"type\":\"track\",\"event\":\"" + EVENT + "\",\"timestamp\":\"" + whole + "\",\"anonymousId\":\"" + KEY + "\"}";
    int partitions = producer.partitionsFor(topic).size();
    for (int i = 0; i < partitions; i++) {
      producer.send(new ProducerRecord<>(topic, i, time, KEY, value.getBytes(StandardCharsets.UTF_8)));
    }
    producer.flush();
  }

  @Override
  public void close() {
    producer.close();
  }
}
