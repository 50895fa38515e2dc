package aglais;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkFirehoseListener;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerLogStart;
import org.apache.spark.util.JsonProtocol;

/**
 * Writes every event of the application immediately to the file `spark.aglais.liveEvents`, one JSON object per line, in the
 * format of Spark's event log. The event log itself is buffered for up to seven seconds in the middle of a stage, and has
 * no executor heartbeats, which contain the current heap use. Spark gives heartbeats no timestamp; here they have a
 * `Timestamp` as their last field (ms since the epoch, when the driver received them).
 */
public class LiveEvents extends SparkFirehoseListener {
  private final BufferedWriter out;

  public LiveEvents(SparkConf conf) throws IOException {
    Path file = Paths.get(conf.get("spark.aglais.liveEvents"));
    out = Files.newBufferedWriter(
      file, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    // The event log starts with it, too, but writes it itself instead of posting it.
    onEvent(new SparkListenerLogStart(org.apache.spark.package$.MODULE$.SPARK_VERSION()));
  }

  public void onEvent(SparkListenerEvent event) {
    if (!event.logEvent()) return;
    try {
      String line = JsonProtocol.sparkEventToJsonString(event);
      if (event instanceof SparkListenerExecutorMetricsUpdate && line.endsWith("}")) {
        out.write(line, 0, line.length() - 1);
        out.write(",\"Timestamp\":" + System.currentTimeMillis() + "}");
      } else {
        out.write(line);
      }
      out.write('\n');
      out.flush();
    } catch (IOException problem) {
      // A full disk must not end the user's computation; the event log reports it as well.
      System.err.println("aglais: a live event could not be written: " + problem);
    }
  }
}
