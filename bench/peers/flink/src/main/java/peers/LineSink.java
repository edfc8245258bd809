package peers;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** Writes lines into a file, which it makes anew. */
final class LineSink implements Sink<String> {
  private static final long serialVersionUID = 1;
  private final String path;

  LineSink(String path) {
    this.path = path;
  }

  @Override
  public SinkWriter<String> createWriter(WriterInitContext context) throws IOException {
    BufferedWriter out = Files.newBufferedWriter(Path.of(path));
    return new SinkWriter<>() {
      @Override
      public void write(String line, Context c) throws IOException {
        out.write(line);
      }

      @Override
      public void flush(boolean endOfInput) throws IOException {
        out.flush();
      }

      @Override
      public void close() throws IOException {
        out.close();
      }
    };
  }
}
