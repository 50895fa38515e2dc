import type { Evidence } from '@aglais/protocol';
import type {
  ClientObservation,
  LogObservation,
  CapacityObservation,
  SparkProcess,
  YarnObservation
} from '../observation.js';

/** What somebody's own words say happened. */
export type LogSignalKind =
  | 'heap-oom'
  | 'not-accepted'
  | 'heartbeat'
  | 'too-many-failures'
  | 'disk-full'
  | 'broadcast'
  | 'indeterminate'
  | 'quota'
  | 'session-lost'
  | 'session-gone';

/** The same kind about the same process, however often it was made. */
export interface LogSignal {
  readonly kind: LogSignalKind;
  /** Whose process; a client speaks for itself. */
  readonly who: SparkProcess | 'client';
  /** The cell that got it, for clients. */
  readonly cell: string | null;
  readonly run: number | null;
  count: number;
  firstSeen: number | null;
  lastSeen: number | null;
  /** The earliest of it. */
  evidence: Evidence;
  readonly seen: Set<string>;
}

/** Words and whom they are about; the first that fits counts. */
const SIGNALS: readonly [LogSignalKind, RegExp][] = [
  ['too-many-failures', /Max number of executor failures/],
  ['heartbeat', /no recent heartbeats|heartbeat timed out/i],
  ['not-accepted', /Initial job has not accepted any resources/],
  ['quota', /exceeded quota:/],
  [
    'broadcast',
    /Cannot broadcast the table|Could not execute broadcast in|Not enough memory to build and broadcast/
  ],
  ['indeterminate', /with indeterminate output was failed/],
  ['disk-full', /No space left on device|DiskErrorException|Disk quota exceeded/],
  ['heap-oom', /java\.lang\.OutOfMemoryError/]
];

/** Spark Connect's words when the server does not know the session (error-conditions.json). */
const SESSION_LOST =
  /INVALID_HANDLE\.SESSION_(?:CHANGED|NOT_FOUND|CLOSED)|server driver instance has restarted|NO_ACTIVE_SESSION/;
/** The driver does not answer any more: gRPC's, Py4J's and Spark's own words. */
const SESSION_GONE =
  /StatusCode\.UNAVAILABLE|failed to connect to all addresses|Answer from Java side is empty|Error while sending or receiving|Py4JNetworkError|Cannot call methods on a stopped SparkContext|Cannot run .* on a stopped SparkContext/;

const QUOTE = 1000;
/** Places from which one signal was heard, to know a repeated one; beyond it all are counted. */
const MAX_REFS = 200;
const MAX_SIGNALS = 500;

/** What logs, clients and YARN say, added up. Bounded by the number of processes that complain. */
export class LogSignals {
  readonly #all = new Map<string, LogSignal>();
  readonly yarn = new Map<string, YarnObservation>();
  /** What nodes had free when it was recorded last; null: nobody could tell. */
  room: CapacityObservation | null = null;

  [Symbol.iterator](): Iterator<LogSignal> {
    return this.#all.values();
  }

  of(kind: LogSignalKind, who?: SparkProcess | 'client'): LogSignal[] {
    return [...this.#all.values()].filter(
      signal => signal.kind === kind && (who === undefined || nameOf(signal.who) === nameOf(who))
    );
  }

  observeLog(log: LogObservation): void {
    const kind = SIGNALS.find(([, words]) => words.test(log.text))?.[0];
    if (!kind) return;
    // The driver speaks of an executor that it hears nothing of.
    const silent =
      kind === 'heartbeat' ? /(?:Removing|Lost) executor (\S+)/.exec(log.text)?.[1] : undefined;
    const who: SparkProcess = silent === undefined ? log.who : { executor: silent };
    this.#add(kind, who, null, null, {
      source: 'log',
      at: log.at,
      quote: log.text.slice(0, QUOTE),
      ref: log.ref
    });
  }

  observeClient(client: ClientObservation): void {
    const { name, message, cell, run, at, ref } = client;
    const quote = (message || name).slice(0, QUOTE);
    const all = `${name}: ${message}`;
    const kind = SESSION_LOST.test(all)
      ? 'session-lost'
      : SESSION_GONE.test(all)
        ? 'session-gone'
        : SIGNALS.find(
            ([one, words]) =>
              (one === 'broadcast' || one === 'too-many-failures') && words.test(all)
          )?.[0];
    if (kind) this.#add(kind, 'client', cell, run, { source: 'client', at, quote, ref });
  }

  observeYarn(said: YarnObservation): void {
    const key = JSON.stringify([said.application, said.container, said.diagnostics, said.state]);
    const known = this.yarn.get(key);
    if (known ? said.ref < known.ref : this.yarn.size < MAX_SIGNALS) this.yarn.set(key, said);
    if (/Max number of executor failures/.test(said.diagnostics)) {
      this.#add('too-many-failures', 'driver', null, null, {
        source: 'log',
        at: said.at,
        quote: said.diagnostics.slice(0, QUOTE),
        ref: said.ref
      });
    }
  }

  /** The newest counts; of the same time the smaller one, so that their order does not matter. */
  observeCapacity(room: CapacityObservation): void {
    const known = this.room;
    const older =
      known && (known.at - room.at || room.memoryMiB - known.memoryMiB || room.cores - known.cores);
    if (older === null || older < 0) this.room = room;
  }

  #add(
    kind: LogSignalKind,
    who: SparkProcess | 'client',
    cell: string | null,
    run: number | null,
    evidence: Evidence
  ): void {
    const key = JSON.stringify([kind, who, cell, run]);
    let signal = this.#all.get(key);
    if (!signal) {
      if (this.#all.size >= MAX_SIGNALS) return;
      signal = {
        kind,
        who,
        cell,
        run,
        count: 0,
        firstSeen: null,
        lastSeen: null,
        evidence,
        seen: new Set()
      };
      this.#all.set(key, signal);
    }
    const place = `${evidence.ref}\n${evidence.quote.slice(0, 80)}`;
    if (signal.seen.has(place)) return;
    if (signal.seen.size < MAX_REFS) signal.seen.add(place);
    signal.count += 1;
    const { at } = evidence;
    if (at !== null) {
      signal.firstSeen = Math.min(signal.firstSeen ?? Infinity, at);
      signal.lastSeen = Math.max(signal.lastSeen ?? -Infinity, at);
    }
    if (earlier(evidence, signal.evidence)) signal.evidence = evidence;
  }
}

function nameOf(who: SparkProcess | 'client'): string {
  return typeof who === 'string' ? who : `executor ${who.executor}`;
}

/** By time, else by place: `driver.stderr:9` comes before `driver.stderr:10`. */
function earlier(a: Evidence, b: Evidence): boolean {
  if (a.at !== null && b.at !== null && a.at !== b.at) return a.at < b.at;
  const difference = a.ref.localeCompare(b.ref, 'en', { numeric: true });
  return difference !== 0 ? difference < 0 : a.quote < b.quote;
}
