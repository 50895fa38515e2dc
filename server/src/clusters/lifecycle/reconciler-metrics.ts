import type { ClusterWatches } from '../../evidence/cluster-watches.js';
import type { Metric } from '../../metrics.js';
import type { ClusterWarnings } from '../cluster-warnings.js';
import type { WorkQueue } from './work-queue.js';

/** Metrics of the reconciler: whether clusters wait, fail, or cannot be saved. */
export function reconcilerMetrics(
  queue: WorkQueue,
  watches: ClusterWatches,
  warnings: ClusterWarnings
): Metric[] {
  const gauge = (name: string, help: string, read: () => number): Metric => ({
    ...{ name: `aglais_${name}`, help, type: 'gauge' },
    read
  });
  return [
    gauge(
      'reconcile_queue_depth',
      'Clusters that wait for a step or are in one',
      () => queue.depth
    ),
    gauge('reconcile_failing_clusters', 'Clusters whose last step failed', () => queue.failing),
    gauge(
      'reconcile_overdue_clusters',
      'Clusters whose step exceeds its deadline',
      () => queue.overdue
    ),
    gauge('unsaved_records', 'Findings and cell runs that wait to be saved', () =>
      watches.unsaved()
    ),
    gauge(
      'quarantined_clusters',
      'Clusters whose findings the database refuses, or whose evidence cannot be read',
      () => Math.max(warnings.count('findings'), warnings.count('evidence'))
    )
  ];
}
