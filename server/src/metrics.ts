import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { ArchiveFigures } from './clusters/launchers/kubernetes/archive/event-log-archive.js';
import type { Journal } from './stream/journal.js';

/** What an operator sees: clusters by state, memory granted, findings by code, and Node's own figures. */
export function makeMetrics(
  journal: Journal,
  figures: {
    grantedMiB: () => Promise<number>;
    unreadableLines: () => number;
    archive: (() => ArchiveFigures) | null;
  }
): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
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
    name: 'aglais_granted_mebibytes',
    help: 'Memory granted to all live clusters',
    registers: [registry],
    async collect() {
      this.set(await figures.grantedMiB());
    }
  });
  new Gauge({
    name: 'aglais_unreadable_evidence_lines',
    help: 'Lines of evidence of live clusters that could not be read',
    registers: [registry],
    collect() {
      this.set(figures.unreadableLines());
    }
  });
  if (figures.archive) registerArchive(registry, figures.archive);
  const found = new Counter({
    name: 'aglais_findings_total',
    help: 'Findings by code, since this server began',
    labelNames: ['code', 'severity'],
    registers: [registry]
  });
  const seen = new Set<string>();
  journal.onChange(change => {
    if (change.type !== 'finding') return;
    const { cluster, finding } = change.finding;
    const key = `${cluster} ${finding.id}`;
    if (seen.has(key)) return;
    seen.add(key);
    found.inc({ code: finding.code, severity: finding.severity });
  });
  return registry;
}

/** Event logs on their way into the bucket. */
function registerArchive(registry: Registry, figures: () => ArchiveFigures): void {
  const registers = [registry];
  const gauges = {
    aglais_event_logs_waiting: [
      'Event logs that should be in the bucket and are not yet',
      'waitingLogs'
    ],
    aglais_event_log_bytes_waiting: ['What of them is not there', 'waitingBytes']
  } as const;
  for (const [name, [help, key]] of Object.entries(gauges)) {
    const collect = function (this: Gauge) {
      this.set(figures()[key]);
    };
    new Gauge({ name, help, registers, collect });
  }
  const counters = {
    aglais_event_log_refusals_total: ['How often the bucket took none', 'failures'],
    aglais_event_log_stored_bytes_total: ['What was put into it, compressed', 'storedBytes']
  } as const;
  for (const [name, [help, key]] of Object.entries(counters)) {
    const collect = function (this: Counter) {
      this.reset();
      this.inc(figures()[key]);
    };
    new Counter({ name, help, registers, collect });
  }
}
