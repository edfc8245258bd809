package peers;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** The jobs in Kafka Streams, from a topic that is keyed by person into a topic. */
public final class KafkaStreamsPeer {
  private static final Duration DEADLINE = Duration.ofMinutes(8);
  /**
   * The store forgets a session by stream time, by default as soon as it may
   * close. Rows leave once a second of the clock, so in a fast replay, or when
   * time is moved on, they would be gone before.
   */
  private static final Duration RETENTION = Duration.ofDays(1);
  private static final Serde<Session> SESSIONS = SessionSerde.serde();

  public static void main(String[] args) throws Exception {
    Runs runs = new Runs(args);
    String run = runs.text("run");
    runs.measure(pass -> pass(runs, run + "-" + pass));
    // What the last pass wrote is read outside the measurement.
    String out = run + "-" + runs.number("passes") + "-out";
    if (runs.text("job").equals("sessions")) {
      Output.write(runs.text("brokers"), out, SESSIONS.deserializer(), false, (key, s) -> s.line(), runs.text("output"));
    } else {
      Output.write(runs.text("brokers"), out, Serdes.Long().deserializer(), true,
          (key, n) -> Session.windowLine(key.substring(0, key.indexOf('@')), Long.parseLong(key.substring(key.indexOf('@') + 1)), n), runs.text("output"));
    }
  }

  /** Reads the topic from its start under a new application id until every event is in a row. */
  private static void pass(Runs runs, String id) throws Exception {
    String brokers = runs.text("brokers");
    String input = runs.text("topic");
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      admin.createTopics(List.of(new NewTopic(id + "-out", Optional.of(1), Optional.empty())
          .configs(Map.of("retention.ms", "-1")))).all().get();
    }
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, Call> calls = builder.stream(input, Consumed.with(Serdes.String(), CallSerde.serde())
        .withTimestampExtractor((r, before) -> ((Call) r.value()).time));
    Progress progress = new Progress(runs.number("records"));
    if (runs.text("job").equals("sessions")) {
      sessions(calls, progress).to(id + "-out", Produced.with(Serdes.String(), SESSIONS));
    } else {
      windows(calls, progress).to(id + "-out", Produced.with(Serdes.String(), Serdes.Long()));
    }
    try (KafkaStreams streams = new KafkaStreams(builder.build(), settings(runs, id));
        Flusher flusher = new Flusher(brokers, input, Long.parseLong(runs.text("flush")))) {
      streams.setUncaughtExceptionHandler(e -> {
        progress.fail(e);
        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
      });
      streams.start();
      progress.await(flusher);
    }
  }

  private static Properties settings(Runs runs, String id) {
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, id);
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, runs.text("brokers"));
    p.put(StreamsConfig.STATE_DIR_CONFIG, Path.of(runs.text("work"), id).toString());
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, runs.text("guarantee"));
    p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    p.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    if (runs.text("tuning").equals("tuned")) {
      p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
      p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 512L << 20);
      p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 5000);
      p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
      p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
      p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
      p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
      p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
      p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MIN_BYTES_CONFIG), 64 << 10);
    }
    return p;
  }

  private static KStream<String, Session> sessions(KStream<String, Call> calls, Progress progress) {
    return calls
        .groupByKey(Grouped.with(Serdes.String(), CallSerde.serde()))
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(Runs.GAP_MS), Duration.ofMillis(Runs.LATE_MAX_MS)))
        .emitStrategy(EmitStrategy.onWindowClose())
        .aggregate(Session::new,
            (key, c, s) -> {
              s.add(key, c.name, c.time, c.amount);
              return s;
            },
            (key, a, b) -> a.merge(b),
            Materialized.<String, Session, SessionStore<Bytes, byte[]>>as("sessions").withKeySerde(Serdes.String()).withValueSerde(SESSIONS)
                .withRetention(RETENTION))
        .toStream()
        .map((w, s) -> KeyValue.pair(w.key(), s))
        .filter((key, s) -> !key.equals(Flusher.KEY))
        .peek((key, s) -> progress.add(s.events));
  }

  /**
   * Counts by event need another key, and so a topic between. Partitions of the
   * input run at different speeds there, so windows stay open for the hour that
   * touchstream's do and are written as they change; of each the last row counts.
   * Records that move time on must not get there: behind those of one partition
   * the events of a slower one would be late.
   */
  private static KStream<String, Long> windows(KStream<String, Call> calls, Progress progress) {
    return calls
        .filter((key, c) -> !key.equals(Flusher.KEY))
        .map((key, c) -> KeyValue.pair(c.name, new byte[0]))
        .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
        .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(Runs.WINDOW_MS), Duration.ofHours(1)))
        .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("windows").withKeySerde(Serdes.String()))
        .toStream()
        .map((w, n) -> KeyValue.pair(w.key() + "@" + w.window().start(), n))
        .peek(progress::set);
  }

  /** How many events are in the rows that were written. */
  private static final class Progress {
    private final long records;
    private final LongAdder added = new LongAdder();
    private final Map<String, Long> counts = new ConcurrentHashMap<>();
    private volatile Throwable fault;

    Progress(long records) {
      this.records = records;
    }

    void add(long events) {
      added.add(events);
    }

    void set(String key, long events) {
      Long before = counts.put(key, events);
      added.add(events - (before == null ? 0 : before));
    }

    void fail(Throwable e) {
      fault = e;
    }

    /** Waits until all are there; until then the flusher moves time on. */
    void await(Flusher flusher) throws Exception {
      long deadline = System.nanoTime() + DEADLINE.toNanos();
      while (added.sum() < records) {
        if (fault != null) {
          throw new IllegalStateException("Kafka Streams failed", fault);
        }
        if (System.nanoTime() > deadline) {
          System.err.println("after " + DEADLINE + " " + added.sum() + " of " + records + " events are in rows");
          return;
        }
        flusher.flush();
        Thread.sleep(1000);
      }
    }
  }

  private KafkaStreamsPeer() { }
}
