package peers;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** The rows that a pass left in its output topic. */
final class Output {
  /** A row as a line. */
  interface Line<V> {
    String of(String key, V value);
  }

  /** Writes the last committed row of each key, or all of them, as lines into a file. */
  static <V> void write(String brokers, String topic, Deserializer<V> values, boolean lastOnly, Line<V> line, String path) throws IOException {
    Properties p = new Properties();
    p.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    p.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    Map<String, String> last = new HashMap<>();
    try (KafkaConsumer<String, V> in = new KafkaConsumer<>(p, new StringDeserializer(), values);
        BufferedWriter out = Files.newBufferedWriter(Path.of(path))) {
      List<TopicPartition> all = in.partitionsFor(topic).stream().map(i -> new TopicPartition(topic, i.partition())).toList();
      in.assign(all);
      in.seekToBeginning(all);
      Map<TopicPartition, Long> ends = in.endOffsets(all);
      while (all.stream().anyMatch(t -> in.position(t) < ends.get(t))) {
        for (ConsumerRecord<String, V> r : in.poll(Duration.ofSeconds(1))) {
          String text = line.of(r.key(), r.value());
          if (lastOnly) {
            last.put(r.key(), text);
          } else {
            out.write(text);
          }
        }
      }
      for (String text : last.values()) {
        out.write(text);
      }
    }
  }

  private Output() { }
}
