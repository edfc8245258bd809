package peers;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Sessions by hand: the open sessions of a key in a list, nearly always one,
 * and one timer for each, which is set anew only when it fires too early.
 */
final class Timers extends KeyedProcessFunction<String, Tuple4<String, String, Long, Long>, Session> {
  private static final long serialVersionUID = 1;
  private transient ListState<Session> open;

  @Override
  public void open(OpenContext context) {
    open = getRuntimeContext().getListState(new ListStateDescriptor<>("open", Types.POJO(Session.class)));
  }

  @Override
  public void processElement(Tuple4<String, String, Long, Long> e, Context ctx, Collector<Session> out) throws Exception {
    Session into = null;
    List<Session> kept = new ArrayList<>(1);
    for (Session s : open.get()) {
      if (e.f2 < s.start - Runs.GAP_MS || e.f2 > s.end + Runs.GAP_MS) {
        kept.add(s);
      } else if (into == null) {
        into = s;
        kept.add(s);
      } else {
        into.merge(s);
      }
    }
    if (into == null) {
      into = new Session();
      kept.add(into);
      ctx.timerService().registerEventTimeTimer(e.f2 + Runs.GAP_MS + 1);
    }
    into.add(e.f0, e.f1, e.f2, e.f3);
    open.update(kept);
  }

  @Override
  public void onTimer(long time, OnTimerContext ctx, Collector<Session> out) throws Exception {
    List<Session> kept = new ArrayList<>(1);
    for (Session s : open.get()) {
      if (s.end + Runs.GAP_MS < time) {
        out.collect(s);
      } else {
        kept.add(s);
        ctx.timerService().registerEventTimeTimer(s.end + Runs.GAP_MS + 1);
      }
    }
    open.update(kept);
  }
}
