package peers;

import java.io.File;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** The jobs in Apache Flink's DataStream API, in a cluster within this JVM. */
public final class Flink {
  private static final Duration LATE_MAX = Duration.ofMillis(Runs.LATE_MAX_MS);

  public static void main(String[] args) throws Exception {
    Runs runs = new Runs(args);
    runs.measure(pass -> {
      StreamExecutionEnvironment env = environment(runs);
      DataStream<byte[]> records = env.fromSource(
          new DataGeneratorSource<>(new FileRecords(runs.text("input")), runs.number("records"), PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO),
          WatermarkStrategy.noWatermarks(), "records");
      switch (runs.text("job")) {
        case "sessions" -> sessions(records, runs.text("operator")).map(Session::line).sinkTo(new LineSink(runs.text("output")));
        case "windows" -> windows(records).sinkTo(new LineSink(runs.text("output")));
        default -> throw new IllegalArgumentException("--job " + runs.text("job"));
      }
      env.execute("peers");
    });
  }

  private static StreamExecutionEnvironment environment(Runs runs) {
    Configuration c = new Configuration();
    c.set(StateBackendOptions.STATE_BACKEND, runs.text("state"));
    c.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(5));
    c.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, new File(runs.text("work")).toURI().toString());
    c.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    c.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(512));
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, c);
    env.getConfig().enableObjectReuse();
    return env;
  }

  private static DataStream<Session> sessions(DataStream<byte[]> records, String operator) {
    var keyed = records
        .map(r -> {
          Call c = Call.parse(r);
          return Tuple4.of(c.key, c.name, c.time, c.amount);
        })
        .returns(Types.TUPLE(Types.STRING, Types.STRING, Types.LONG, Types.LONG))
        .assignTimestampsAndWatermarks(
            WatermarkStrategy.<Tuple4<String, String, Long, Long>>forBoundedOutOfOrderness(LATE_MAX).withTimestampAssigner((e, t) -> e.f2))
        .keyBy(e -> e.f0);
    SingleOutputStreamOperator<Session> rows = switch (operator) {
      case "window" -> keyed.window(EventTimeSessionWindows.withGap(Duration.ofMillis(Runs.GAP_MS))).aggregate(new Fold());
      case "timers" -> keyed.process(new Timers());
      default -> throw new IllegalArgumentException("--operator " + operator);
    };
    return rows.returns(Types.POJO(Session.class));
  }

  private static DataStream<String> windows(DataStream<byte[]> records) {
    return records
        .map(r -> {
          Call c = Call.parse(r);
          return Tuple2.of(c.name, c.time);
        })
        .returns(Types.TUPLE(Types.STRING, Types.LONG))
        .assignTimestampsAndWatermarks(
            WatermarkStrategy.<Tuple2<String, Long>>forBoundedOutOfOrderness(LATE_MAX).withTimestampAssigner((e, t) -> e.f1))
        .keyBy(e -> e.f0)
        .window(TumblingEventTimeWindows.of(Duration.ofMillis(Runs.WINDOW_MS)))
        .aggregate(new Count(), new Line());
  }

  /** Adds events to a session. */
  private static final class Fold implements AggregateFunction<Tuple4<String, String, Long, Long>, Session, Session> {
    private static final long serialVersionUID = 1;

    @Override
    public Session createAccumulator() {
      return new Session();
    }

    @Override
    public Session add(Tuple4<String, String, Long, Long> e, Session s) {
      s.add(e.f0, e.f1, e.f2, e.f3);
      return s;
    }

    @Override
    public Session getResult(Session s) {
      return s;
    }

    @Override
    public Session merge(Session a, Session b) {
      return a.merge(b);
    }
  }

  /** Counts events. */
  private static final class Count implements AggregateFunction<Tuple2<String, Long>, Long, Long> {
    private static final long serialVersionUID = 1;

    @Override
    public Long createAccumulator() {
      return 0L;
    }

    @Override
    public Long add(Tuple2<String, Long> e, Long n) {
      return n + 1;
    }

    @Override
    public Long getResult(Long n) {
      return n;
    }

    @Override
    public Long merge(Long a, Long b) {
      return a + b;
    }
  }

  /** Makes the row of a window. */
  private static final class Line extends ProcessWindowFunction<Long, String, String, TimeWindow> {
    private static final long serialVersionUID = 1;

    @Override
    public void process(String event, Context c, Iterable<Long> counts, Collector<String> out) {
      out.collect(Session.windowLine(event, c.window().getStart(), counts.iterator().next()));
    }
  }

  private Flink() { }
}
