import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Journal } from './stream/journal.js';

/** A metric of a part of the server. Counters only increase. */
export interface Metric {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  read: () => number;
}

/** The sources of cluster metrics; NaN while unknown. */
export interface MetricSources {
  grantedMiB: () => Promise<number>;
  unreadableLines: () => number;
}

/** Metrics for operators: clusters by state, granted memory, findings by code, and Node's own metrics. */
export function makeMetrics(journal: Journal, sources: MetricSources): Registry {
  const registry = new Registry();
  // Its measurement of the event loop's delay wakes up this often, ms; the default of 10 cost 1 % of a core.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 500 });
  new Gauge({
    name: 'aglais_clusters',
    help: 'Clusters by state',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { state } of journal.clusters.values()) this.inc({ state });
    }
  });
  new Gauge({
    name: 'aglais_granted_memory_bytes',
    help: 'Memory granted to all live clusters',
    registers: [registry],
    async collect() {
      this.set((await sources.grantedMiB()) * 2 ** 20);
    }
  });
  new Gauge({
    name: 'aglais_unreadable_evidence_lines',
    help: 'Lines of evidence of live clusters that could not be parsed',
    registers: [registry],
    collect() {
      this.set(sources.unreadableLines());
    }
  });
  const found = new Counter({
    name: 'aglais_findings_total',
    help: 'Findings by code, since the start of this server',
    labelNames: ['code', 'severity'],
    registers: [registry]
  });
  /** By cluster that is not forgotten, its findings. */
  const seen = new Map<string, Set<string>>();
  journal.onChange(change => {
    if (change.type === 'cluster-forgotten') seen.delete(change.cluster);
    if (change.type !== 'finding') return;
    const { cluster, finding } = change.finding;
    const ofCluster = seen.get(cluster) ?? new Set();
    if (ofCluster.has(finding.id)) return;
    seen.set(cluster, ofCluster.add(finding.id));
    found.inc({ code: finding.code, severity: finding.severity });
  });
  return registry;
}

export function addMetrics(registry: Registry, metrics: readonly Metric[]): void {
  for (const metric of metrics) register(registry, metric);
}

function register(registry: Registry, { name, help, type, read }: Metric): void {
  const registers = [registry];
  if (type === 'gauge') {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read());
      }
    });
    return;
  }
  new Counter({
    ...{ name, help, registers },
    collect() {
      this.reset();
      this.inc(read());
    }
  });
}
