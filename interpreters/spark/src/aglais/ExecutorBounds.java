package aglais;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.ExecutorAllocationClient;
import org.apache.spark.ExecutorAllocationManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.util.SystemClock;
import scala.collection.immutable.Map;
import scala.collection.immutable.Map$;
import scala.collection.immutable.Seq;

/**
 * A proxy between Spark's dynamic allocation and the backend that creates executors, with bounds that may change at
 * runtime: Spark reads its own bounds only once, at the start of dynamic allocation. So it gets none, and its requests are
 * clamped to ours. If both bounds are equal, the number is fixed.
 */
public class ExecutorBounds implements ExecutorAllocationClient {
  /** Id of the default ResourceProfile. */
  private static final Integer DEFAULT = Integer.valueOf(0);

  private final ExecutorAllocationClient backend;
  private int least;
  private int most;
  /** The last requests, before they were clamped to the bounds; by ResourceProfile. */
  private Map totals;
  private Map localTasks = Map$.MODULE$.empty();
  private Map hosts = Map$.MODULE$.empty();
  private Map sent = null;

  public ExecutorBounds(SparkContext spark, int least, int most) {
    this.backend = (ExecutorAllocationClient) spark.schedulerBackend();
    this.least = least;
    this.most = most;
    this.totals = (Map) Map$.MODULE$.empty().updated(DEFAULT, Integer.valueOf(least));
  }

  /** Starts dynamic allocation: before any work, so that it knows which executors have shuffle output and cached data. */
  public ExecutorAllocationManager count(SparkContext spark) {
    SparkConf conf = spark.getConf();
    conf.set("spark.dynamicAllocation.minExecutors", "0");
    conf.set("spark.dynamicAllocation.initialExecutors", String.valueOf(this.least));
    conf.set("spark.dynamicAllocation.maxExecutors", String.valueOf(Integer.MAX_VALUE));
    // There is no external shuffle service: an executor with shuffle output or cached data is not idle.
    conf.set("spark.dynamicAllocation.shuffleTracking.enabled", "true");
    // Under Spark's own name the allocator of pods uses it for pending pods.
    conf.set("spark.dynamicAllocation.executorIdleTimeout", conf.get("spark.aglais.executorIdleTimeout", "60s"));
    ExecutorAllocationManager manager = new ExecutorAllocationManager(
      this, spark.listenerBus(), conf, spark.cleaner(), new SystemClock(), spark.resourceProfileManager(), false);
    manager.start();
    return manager;
  }

  public synchronized void set(int least, int most) {
    this.least = least;
    this.most = most;
    this.sent = null;
    if (!requestTotalExecutors(this.totals, this.localTasks, this.hosts)) {
      throw new IllegalStateException("Spark did not take " + least + " to " + most + " executors");
    }
  }

  public synchronized boolean requestTotalExecutors(Map totals, Map localTasks, Map hosts) {
    this.totals = totals;
    this.localTasks = localTasks;
    this.hosts = hosts;
    Map bounded = Map$.MODULE$.empty();
    scala.collection.Iterator all = totals.iterator();
    while (all.hasNext()) {
      scala.Tuple2 one = (scala.Tuple2) all.next();
      int number = Math.min(((Integer) one._2()).intValue(), this.most);
      // Executors of other profiles exist as long as their tasks.
      if (one._1().equals(DEFAULT)) number = Math.max(number, this.least);
      bounded = (Map) bounded.updated(one._1(), Integer.valueOf(number));
    }
    // Spark requests this every second while tasks are pending.
    if (bounded.equals(this.sent)) return true;
    boolean taken = this.backend.requestTotalExecutors(bounded, localTasks, hosts);
    this.sent = taken ? bounded : null;
    return taken;
  }

  /** As many of them as there are above the minimum; Spark requests the others again. */
  public synchronized Seq killExecutors(Seq ids, boolean adjust, boolean countFailures, boolean force) {
    int spare = -this.least;
    scala.collection.Iterator all = getExecutorIds().iterator();
    while (all.hasNext()) if (isExecutorActive((String) all.next())) spare += 1;
    List chosen = new ArrayList();
    scala.collection.Iterator asked = ids.iterator();
    while (asked.hasNext() && chosen.size() < spare) chosen.add(asked.next());
    Seq some = scala.jdk.javaapi.CollectionConverters.asScala(chosen).toSeq();
    return chosen.isEmpty() ? some : this.backend.killExecutors(some, adjust, countFailures, force);
  }

  public Seq getExecutorIds() {
    return this.backend.getExecutorIds();
  }

  public boolean isExecutorActive(String id) {
    return this.backend.isExecutorActive(id);
  }

  public boolean requestExecutors(int more) {
    return this.backend.requestExecutors(more);
  }

  public boolean decommissionExecutorsOnHost(String host) {
    return this.backend.decommissionExecutorsOnHost(host);
  }

  public boolean killExecutorsOnHost(String host) {
    return this.backend.killExecutorsOnHost(host);
  }
}
