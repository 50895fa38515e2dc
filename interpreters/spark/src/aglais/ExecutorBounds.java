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
 * Stands between Spark's own counting of executors (dynamic allocation) and the backend that makes them, and keeps the
 * number between two bounds that may move while both run: Spark reads its own bounds once, when it begins to count. So it
 * is told none, and what it asks for is brought between ours. Where both are the same, the number is fixed.
 */
public class ExecutorBounds implements ExecutorAllocationClient {
  /** Id of the default ResourceProfile. */
  private static final Integer DEFAULT = Integer.valueOf(0);

  private final ExecutorAllocationClient backend;
  private int least;
  private int most;
  /** What was asked for last, before it was brought between the bounds; by ResourceProfile. */
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

  /** Lets Spark count from now on: from the beginning, so that it knows who has shuffle output and cached data. */
  public ExecutorAllocationManager count(SparkContext spark) {
    SparkConf conf = spark.getConf();
    conf.set("spark.dynamicAllocation.minExecutors", "0");
    conf.set("spark.dynamicAllocation.initialExecutors", String.valueOf(this.least));
    conf.set("spark.dynamicAllocation.maxExecutors", String.valueOf(Integer.MAX_VALUE));
    // No external shuffle service is there: an executor with shuffle output or cached data is not idle.
    conf.set("spark.dynamicAllocation.shuffleTracking.enabled", "true");
    // Under its own name the allocator of pods takes it for those that found no place.
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
      // Others than the default are there as long as their tasks.
      if (one._1().equals(DEFAULT)) number = Math.max(number, this.least);
      bounded = (Map) bounded.updated(one._1(), Integer.valueOf(number));
    }
    // Spark asks each second while tasks wait.
    if (bounded.equals(this.sent)) return true;
    boolean taken = this.backend.requestTotalExecutors(bounded, localTasks, hosts);
    this.sent = taken ? bounded : null;
    return taken;
  }

  /** As many of them as there are more than the least; Spark asks again for the others. */
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
