package peers;

import java.io.EOFException;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.connector.datagen.source.GeneratorFunction;

/** The lines of a file, one after another, for one reader. */
final class FileRecords implements GeneratorFunction<Long, byte[]> {
  private static final long serialVersionUID = 1;
  private final String path;
  private transient InputStream in;
  private transient byte[] buffer;
  private transient int from;
  private transient int to;

  FileRecords(String path) {
    this.path = path;
  }

  @Override
  public void open(SourceReaderContext context) throws IOException {
    in = new FileInputStream(path);
    buffer = new byte[1 << 20];
    from = 0;
    to = 0;
  }

  @Override
  public byte[] map(Long index) throws IOException {
    for (int end = from;; end++) {
      if (end == to) {
        end -= from;
        fill();
        end += from;
      }
      if (buffer[end] == '\n') {
        byte[] line = Arrays.copyOfRange(buffer, from, end);
        from = end + 1;
        return line;
      }
    }
  }

  /** Moves the line under way to the front and reads on. */
  private void fill() throws IOException {
    System.arraycopy(buffer, from, buffer, 0, to - from);
    to -= from;
    from = 0;
    int n = to == buffer.length ? -1 : in.read(buffer, to, buffer.length - to);
    if (n < 0) {
      throw new EOFException(path + ": a whole line expected");
    }
    to += n;
  }

  @Override
  public void close() throws IOException {
    if (in != null) {
      in.close();
    }
  }
}
