import { plainDescription } from '../../application/timeline.js';
import type { StageFacts } from '../../application/stage-summary.js';
import { memory } from '../format.js';

export const MIB = 2 ** 20;

/** "812 KiB", "430 MiB", "1.4 GiB". */
export function size(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} bytes`;
  return bytes < MIB ? `${Math.round(bytes / 1024)} KiB` : memory(bytes / MIB);
}

/** "950", "12,000", "2.9 million", "1.2 billion". */
export function amount(count: number): string {
  for (const [unit, name] of [
    [1e9, 'billion'],
    [1e6, 'million']
  ] as const) {
    if (count >= unit) return `${(count / unit).toFixed(1).replace(/\.0$/, '')} ${name}`;
  }
  return Math.round(count).toLocaleString('en');
}

/** "7 %", "0.8 %". */
export function percent(share: number): string {
  return `${share < 0.01 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;
}

/** Where a call was handed over to another thread, or came over the bridge from Python. */
const HANDED_OVER =
  / at (?:CompletableFuture|FutureTask|ThreadPoolExecutor|Executors|Thread)\.java:\d+$/;
const BRIDGE = / at \w*MethodAccessorImpl\.java:\d+$/;

/**
 * "stage 4 (count at notebook.py:12)". Names that say nothing of the user's code are left out:
 * threads, the bridge from Python, and the whole request that Spark Connect takes for a name.
 */
export function stageWords(facts: Pick<StageFacts, 'stage' | 'name' | 'description'>): string {
  const whole = plainDescription(facts.name);
  const name = whole && HANDED_OVER.test(whole) ? null : whole?.replace(BRIDGE, '');
  const said = [name, facts.description]
    .filter(one => one && !/^stage \d+$/.test(one))
    .map(one => (one!.length > 60 ? `${one!.slice(0, 59)}…` : one!));
  const words = [...new Set(said)].join(': ');
  return words === '' ? `stage ${facts.stage}` : `stage ${facts.stage} (${words})`;
}
