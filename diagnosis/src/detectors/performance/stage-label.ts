import type { StageSummary } from '../../application/stage-summary.js';
import { plainDescription } from '../../application/timeline.js';

/** Call sites in thread pools, and calls that Py4J made through reflection. */
const THREAD_POOL =
  / at (?:CompletableFuture|FutureTask|ThreadPoolExecutor|Executors|Thread)\.java:\d+$/;

const REFLECTION = / at \w*MethodAccessorImpl\.java:\d+$/;

/**
 * "stage 4 (count at notebook.py:12)". Names that do not refer to the user's code are left out: threads, the
 * Py4J bridge, and the request text that Spark Connect uses as a name.
 */
export function stageLabel(facts: Pick<StageSummary, 'stage' | 'name' | 'description'>): string {
  const whole = plainDescription(facts.name);
  const name = whole && THREAD_POOL.test(whole) ? null : whole?.replace(REFLECTION, '');
  const parts = [name, facts.description]
    .filter(one => one && !/^stage \d+$/.test(one))
    .map(one => (one!.length > 60 ? `${one!.slice(0, 59)}…` : one!));
  const label = [...new Set(parts)].join(': ');
  return label === '' ? `stage ${facts.stage}` : `stage ${facts.stage} (${label})`;
}
