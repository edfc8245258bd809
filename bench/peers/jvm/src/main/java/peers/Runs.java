package peers;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;

/** Options of a peer's command line, and the measurement of its passes. */
public final class Runs {
  /** The jobs, as in bench/peers/fact. */
  public static final long GAP_MS = 30 * 60 * 1000;
  public static final long LATE_MAX_MS = 10 * 1000;
  public static final long WINDOW_MS = 60 * 1000;

  private final Map<String, String> options = new HashMap<>();

  /** Takes --name value pairs. */
  public Runs(String[] args) {
    if (args.length % 2 != 0) {
      throw new IllegalArgumentException("options are --name value pairs: " + String.join(" ", args));
    }
    for (int i = 0; i < args.length; i += 2) {
      if (!args[i].startsWith("--")) {
        throw new IllegalArgumentException(args[i] + " is not an option");
      }
      options.put(args[i].substring(2), args[i + 1]);
    }
  }

  public String text(String name) {
    String value = options.get(name);
    if (value == null) {
      throw new IllegalArgumentException("--" + name + " is missing");
    }
    return value;
  }

  public int number(String name) {
    return Integer.parseInt(text(name));
  }

  /** A pass over the input; it ends when all rows are out. */
  public interface Pass {
    void run(int number) throws Exception;
  }

  /** Runs all passes and prints what the last one took, as a line of JSON. */
  public void measure(Pass pass) throws Exception {
    OperatingSystemMXBean os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    int passes = number("passes");
    for (int i = 1; i <= passes; i++) {
      long cpu = os.getProcessCpuTime();
      long wall = System.nanoTime();
      pass.run(i);
      cpu = os.getProcessCpuTime() - cpu;
      wall = System.nanoTime() - wall;
      System.out.println("{\"pass\":" + i + ",\"cpu_seconds\":" + cpu / 1e9 + ",\"wall_seconds\":" + wall / 1e9 + "}");
    }
  }
}
