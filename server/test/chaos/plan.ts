import { randomFrom } from '../support/random.js';

/** What can be killed, and how often; the names in the report. */
export const KINDS = {
  'server, at a random moment': 20,
  'server, after a write to Kubernetes': 20,
  'server, after a write to its disk': 14,
  'executor, its process': 9,
  'executor, its pod': 6,
  'executor, while the server is away': 6,
  'driver, its process': 4,
  'driver, its pod': 3,
  witness: 4,
  'watch connections, cut': 6,
  'watch connections, silent': 2,
  'API server, out of reach': 3,
  'API server, restarted': 3
} as const;
export type Kind = keyof typeof KINDS;

/** Requests of users meanwhile. */
const ASKS = ['start', 'stop', 'restart', 'resize'] as const;
export type Ask = (typeof ASKS)[number];

export interface Kill {
  kind: Kind;
  ask: Ask;
  /** Which cluster and which object: unbounded random numbers. */
  kernel: number;
  pick: number;
  /** Delay between the request and the kill, ms. */
  afterMs: number;
  /** The number of the write after which to kill, from 1. */
  write: number;
}

/** The same kills in the same order for the same seed; each kind at least once if there are enough. */
export function planKills(count: number, seed: number, kinds: readonly Kind[]): Kill[] {
  const random = randomFrom(seed);
  const weight = kinds.reduce((sum, kind) => sum + KINDS[kind], 0);
  const shares = kinds.map(kind => {
    const exact = (count * KINDS[kind]) / weight;
    return { kind, count: Math.max(1, Math.floor(exact)), rest: exact % 1 };
  });
  const byRest = [...shares].sort((a, b) => b.rest - a.rest);
  const total = () => shares.reduce((sum, share) => sum + share.count, 0);
  for (let index = 0; total() < count; index += 1) byRest[index % byRest.length]!.count += 1;
  const deck = shares.flatMap(({ kind, count: times }) => Array<Kind>(times).fill(kind));
  for (let last = deck.length - 1; last > 0; last -= 1) {
    const other = random(last + 1);
    [deck[last], deck[other]] = [deck[other]!, deck[last]!];
  }
  return deck.slice(0, count).map(kind => ({
    kind,
    ask: ASKS[random(ASKS.length)]!,
    kernel: random(1_000_000),
    pick: random(1_000_000),
    afterMs: random(4) === 0 ? random(60) : random(3_000),
    write: 1 + random(random(2) === 0 ? 6 : 12)
  }));
}
