package peers;

/** A session under way, and the row that it becomes. */
public final class Session {
  public String key;
  public long start = Long.MAX_VALUE;
  public long end = Long.MIN_VALUE;
  public long events;
  public long pageViews;
  public long productViews;
  public long adds;
  public long orders;
  public long revenue;

  public void add(String key, String name, long time, long amount) {
    this.key = key;
    start = Math.min(start, time);
    end = Math.max(end, time);
    events++;
    switch (name) {
      case "page", "screen" -> pageViews++;
      case "Product Viewed" -> productViews++;
      case "Product Added" -> adds++;
      case "Order Completed" -> {
        orders++;
        revenue += amount;
      }
      default -> { }
    }
  }

  /** Adds what another part of this session has. */
  public Session merge(Session o) {
    if (key == null) {
      key = o.key;
    }
    start = Math.min(start, o.start);
    end = Math.max(end, o.end);
    events += o.events;
    pageViews += o.pageViews;
    productViews += o.productViews;
    adds += o.adds;
    orders += o.orders;
    revenue += o.revenue;
    return this;
  }

  /** The row as a line of JSON. */
  public String line() {
    return "{\"key\":\"" + key + "\",\"start\":" + start + ",\"end\":" + end + ",\"events\":" + events + ",\"page_views\":" + pageViews
        + ",\"product_views\":" + productViews + ",\"adds\":" + adds + ",\"orders\":" + orders + ",\"revenue\":" + revenue + "}\n";
  }

  /** The row of a window as a line of JSON. */
  public static String windowLine(String event, long start, long events) {
    return "{\"event\":\"" + event + "\",\"start\":" + start + ",\"events\":" + events + "}\n";
  }
}
