import { fields, list, number, text, type Fields } from './json-fields.js';

/** Metrics of a plan's scans that count files, by the ids of their accumulators. */
export interface FileMetrics {
  counts: number[];
  sizes: number[];
}

/** The names in FileSourceScanExec, Spark 2.x ("number of files") to 4.x. */
const COUNT = /^number of files(?: read)?$/;
const SIZE = /^size of files read$/;
/** Limit for corrupt logs. */
const NODES = 100_000;

/** Searches the nodes of a `sparkPlanInfo`. Null if none of its scans counts files. */
export function readFileMetrics(plan: unknown): FileMetrics | null {
  const metrics: FileMetrics = { counts: [], sizes: [] };
  const nodes: Fields[] = [];
  const root = fields(plan);
  if (root) nodes.push(root);
  for (let seen = 0; nodes.length > 0 && seen < NODES; seen += 1) {
    const node = nodes.pop()!;
    for (const child of list(node, 'children')) {
      const one = fields(child);
      if (one) nodes.push(one);
    }
    for (const one of list(node, 'metrics')) {
      const metric = fields(one);
      const id = metric && number(metric, 'accumulatorId');
      if (!metric || id === null) continue;
      const name = text(metric, 'name') ?? '';
      if (COUNT.test(name)) metrics.counts.push(id);
      if (SIZE.test(name)) metrics.sizes.push(id);
    }
  }
  return metrics.counts.length === 0 ? null : metrics;
}
