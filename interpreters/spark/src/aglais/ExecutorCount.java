package aglais;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.spark.ExecutorAllocationClient;
import org.apache.spark.ExecutorAllocationManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkContext$;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerApplicationStart;
import org.apache.spark.status.api.v1.ExecutorSummary;

/**
 * Changes the number of executors of a running application, or the range for its dynamic allocation: follows the file
 * `spark.aglais.executors`, which contains a number (`4`) or a range (`2-8`) and is replaced atomically, and
 * writes its progress to `spark.aglais.executorsState`:
 *
 * <pre>
 * wanted 2-8     the number or range that was read
 * registered 2   current executors
 * ended 0        executors that were removed because there were too many
 * cached 0       bytes of cached data that were lost with them
 * </pre>
 *
 * Excess executors are removed when they have no task, first those with the least cached data: no work is repeated.
 *
 * The initial value is `spark.aglais.executorBounds`. An application whose own settings enable dynamic allocation
 * is not supported: its state is "refused".
 */
public class ExecutorCount extends SparkListener {
  private static final long STEP_MS = 200;

  private final Path desired;
  private final Path state;
  private final boolean refuses;
  private final String first;
  private ExecutorBounds bounds = null;
  private volatile ExecutorAllocationManager manager = null;
  private String wanted = "";
  private int ended = 0;
  private long cached = 0;
  /** By id; Spark's status contains removed ones for a moment. */
  private final Set<String> leaving = new HashSet<String>();
  private String said = "";

  public ExecutorCount(SparkConf conf) {
    this.desired = Paths.get(conf.get("spark.aglais.executors"));
    this.state = Paths.get(conf.get("spark.aglais.executorsState"));
    this.refuses = conf.getBoolean("spark.dynamicAllocation.enabled", false);
    this.first = conf.get("spark.aglais.executorBounds", "");
  }

  public void onApplicationStart(SparkListenerApplicationStart start) {
    Thread thread = new Thread(new Runnable() { public void run() { follow(); } }, "aglais-executors");
    thread.setDaemon(true);
    thread.start();
  }

  public void onApplicationEnd(SparkListenerApplicationEnd end) {
    if (this.manager != null) this.manager.stop();
  }

  private void follow() {
    try {
      while (SparkContext$.MODULE$.getActive().isEmpty()) Thread.sleep(STEP_MS / 10);
      SparkContext spark = (SparkContext) SparkContext$.MODULE$.getActive().get();
      begin(spark);
      while (!spark.isStopped()) {
        try {
          look(spark);
        } catch (InterruptedException stopped) {
          throw stopped;
        } catch (Exception problem) {
          // Retried: a failure must not end the user's computation.
          System.err.println("aglais: the number of executors was not changed: " + problem);
          Thread.sleep(10 * STEP_MS);
        }
        Thread.sleep(STEP_MS);
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private void begin(SparkContext spark) {
    int[] range = parse(this.first);
    if (this.refuses || range == null) return;
    // It logs ten times a second that it must not remove the minimum number.
    Configurator.setLevel("org.apache.spark.ExecutorAllocationManager", Level.ERROR);
    this.bounds = new ExecutorBounds(spark, range[0], range[1]);
    try {
      this.manager = this.bounds.count(spark);
    } catch (RuntimeException problem) {
      // Settings that dynamic allocation does not support: the minimum is running, and a number can be requested.
      System.err.println("aglais: the number of executors does not follow the work: " + problem);
    }
  }

  private void look(SparkContext spark) throws IOException, InterruptedException {
    String text = read();
    int[] range = parse(text);
    if (range == null) return;
    if (!text.equals(this.wanted) && !this.refuses) {
      this.ended = 0;
      this.cached = 0;
      if (this.bounds == null) this.bounds = new ExecutorBounds(spark, range[0], range[1]);
      // First: Spark must not replace the executors that are removed now.
      this.bounds.set(range[0], range[1]);
      this.wanted = text;
    }
    List<ExecutorSummary> all = executors(spark);
    if (!this.refuses && all.size() > range[1]) {
      end(spark, all, all.size() - range[1]);
      all = executors(spark);
    }
    say("wanted " + text + "\nregistered " + all.size() + "\nended " + this.ended + "\ncached " + this.cached
      + (this.refuses ? "\nrefused" : "") + "\n");
  }

  /** The content of the file; empty if nothing was requested. */
  private String read() throws IOException {
    try {
      return new String(Files.readAllBytes(this.desired), StandardCharsets.US_ASCII).trim();
    } catch (NoSuchFileException nobodyAsked) {
      return "";
    }
  }

  /** Minimum and maximum of `4` or `2-8`; null if it is neither. */
  private static int[] parse(String text) {
    int dash = text.indexOf('-');
    try {
      int least = Integer.parseInt(dash < 0 ? text : text.substring(0, dash));
      int most = dash < 0 ? least : Integer.parseInt(text.substring(dash + 1));
      return least >= 0 && most >= 1 && least <= most ? new int[] {least, most} : null;
    } catch (NumberFormatException neither) {
      return null;
    }
  }

  private List<ExecutorSummary> executors(SparkContext spark) {
    List<ExecutorSummary> found = new ArrayList<ExecutorSummary>();
    scala.collection.Iterator all = spark.statusStore().executorList(true).iterator();
    while (all.hasNext()) {
      ExecutorSummary one = (ExecutorSummary) all.next();
      if (!one.id().equals("driver") && !this.leaving.contains(one.id())) found.add(one);
    }
    return found;
  }

  /** Removes the excess executors that have no task. */
  private void end(SparkContext spark, List<ExecutorSummary> all, int tooMany) {
    // Not the method of SparkContext, which also kills busy executors.
    ExecutorAllocationClient client = (ExecutorAllocationClient) spark.schedulerBackend();
    List<ExecutorSummary> order = new ArrayList<ExecutorSummary>(all);
    Collections.sort(order, new LeastLoss());
    Iterator<ExecutorSummary> rest = order.iterator();
    for (int left = tooMany; left > 0 && rest.hasNext();) {
      ExecutorSummary one = (ExecutorSummary) rest.next();
      List<String> id = Collections.singletonList(one.id());
      scala.collection.immutable.Seq ids = scala.jdk.javaapi.CollectionConverters.asScala(id).toSeq();
      // The target number stays, this does not count as a failure, and only if it is idle.
      if (client.killExecutors(ids, false, false, false).isEmpty()) continue;
      left -= 1;
      this.leaving.add(one.id());
      this.ended += 1;
      this.cached += cachedOn(one);
      System.err.println("aglais: ended the executor " + one.id() + ", because fewer are wanted");
    }
  }

  private static long cachedOn(ExecutorSummary one) {
    return one.rddBlocks() == 0 ? 0 : one.memoryUsed() + one.diskUsed();
  }

  private void say(String text) throws IOException {
    if (text.equals(this.said)) return;
    // Atomic for readers.
    Path part = this.state.resolveSibling(this.state.getFileName() + ".part");
    Files.write(part, text.getBytes(StandardCharsets.US_ASCII));
    Files.move(part, this.state, StandardCopyOption.ATOMIC_MOVE);
    this.said = text;
  }

  /** The cheapest to remove first: with little cached data, and young. */
  private static class LeastLoss implements Comparator {
    public int compare(Object first, Object second) {
      ExecutorSummary a = (ExecutorSummary) first;
      ExecutorSummary b = (ExecutorSummary) second;
      if (cachedOn(a) != cachedOn(b)) return Long.compare(cachedOn(a), cachedOn(b));
      return b.addTime().compareTo(a.addTime());
    }
  }
}
