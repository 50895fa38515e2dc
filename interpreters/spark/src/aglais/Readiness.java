package aglais;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.SparkConf;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationStart;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connect.service.SparkListenerConnectServiceStarted;

/**
 * Reports when the driver can be used: writes the file `spark.aglais.ready` once the Connect service listens and the tables
 * of the shares are registered. Its first line is the port; each further line names a table that could not be registered.
 *
 * The statements are in the file `spark.aglais.catalogue`, one per line. They run in parallel to the rest of the start, and
 * warm up the SQL engine for the first query.
 */
public class Readiness extends SparkListener {
  private final Path statements;
  private final Path ready;
  private final CompletableFuture port = new CompletableFuture();

  public Readiness(SparkConf conf) {
    this.statements = Paths.get(conf.get("spark.aglais.catalogue"));
    this.ready = Paths.get(conf.get("spark.aglais.ready"));
  }

  public void onApplicationStart(SparkListenerApplicationStart start) {
    Thread thread = new Thread(new Runnable() { public void run() { prepare(); } }, "aglais-readiness");
    thread.setDaemon(true);
    thread.start();
  }

  public void onOtherEvent(SparkListenerEvent event) {
    if (event instanceof SparkListenerConnectServiceStarted) {
      this.port.complete(((SparkListenerConnectServiceStarted) event).bindingPort());
    }
  }

  /** The server's own session, as soon as it exists; a builder could start a second application. */
  private static SparkSession session() throws InterruptedException {
    while (SparkSession.getDefaultSession().isEmpty()) Thread.sleep(10);
    return (SparkSession) SparkSession.getDefaultSession().get();
  }

  private void prepare() {
    try {
      SparkSession spark = session();
      StringBuilder problems = new StringBuilder();
      List<String> lines = Files.readAllLines(this.statements, StandardCharsets.UTF_8);
      for (Iterator<String> line = lines.iterator(); line.hasNext();) {
        String statement = (String) line.next();
        try {
          spark.sql(statement);
        } catch (Throwable problem) {
          String message = String.valueOf(problem.getMessage()).replace('\n', ' ');
          problems.append(statement).append(": ").append(message).append('\n');
        }
      }
      String text = this.port.get() + "\n" + problems;
      // Atomic for readers.
      Path part = this.ready.resolveSibling(this.ready.getFileName() + ".part");
      Files.write(part, text.getBytes(StandardCharsets.UTF_8));
      Files.move(part, this.ready, StandardCopyOption.ATOMIC_MOVE);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    } catch (Exception problem) {
      System.err.println("aglais: " + this.ready + " could not be written: " + problem);
    }
  }
}
