import type { Evidence } from '@aglais/protocol';
import type {
  ClientObservation,
  LogObservation,
  CapacityObservation,
  SparkProcess,
  YarnObservation
} from '../observation.js';

/** What a message in a log, of a client or of YARN means. */
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

/** A message of one kind about one process, with the number of its occurrences. */
export interface LogSignal {
  readonly kind: LogSignalKind;
  /** The process that it is about; `client` for errors of a client. */
  readonly who: SparkProcess | 'client';
  /** The cell that got the error, for clients. */
  readonly cell: string | null;
  readonly run: number | null;
  count: number;
  firstSeen: number | null;
  lastSeen: number | null;
  /** The earliest occurrence. */
  evidence: Evidence;
  readonly seen: Set<string>;
}

/** Messages by kind; the first match counts. */
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

/** Messages of Spark Connect when the server does not know the session (error-conditions.json). */
const SESSION_LOST =
  /INVALID_HANDLE\.SESSION_(?:CHANGED|NOT_FOUND|CLOSED)|server driver instance has restarted|NO_ACTIVE_SESSION/;
/** Messages of gRPC, Py4J and Spark when the driver does not respond. */
const SESSION_GONE =
  /StatusCode\.UNAVAILABLE|failed to connect to all addresses|Answer from Java side is empty|Error while sending or receiving|Py4JNetworkError|Cannot call methods on a stopped SparkContext|Cannot run .* on a stopped SparkContext/;

const QUOTE = 1000;
/** References kept per signal to recognize duplicates; beyond that every occurrence counts. */
const MAX_REFS = 200;
const MAX_SIGNALS = 500;

/** Signals from logs, clients and YARN. Its size is bounded by the number of processes, not of messages. */
export class LogSignals {
  readonly #all = new Map<string, LogSignal>();
  readonly yarn = new Map<string, YarnObservation>();
  /** The last recorded free capacity of the nodes; null if unknown. */
  capacity: CapacityObservation | null = null;

  [Symbol.iterator](): Iterator<LogSignal> {
    return this.#all.values();
  }

  of(kind: LogSignalKind, who?: SparkProcess | 'client'): LogSignal[] {
    return [...this.#all.values()].filter(
      signal => signal.kind === kind && (who === undefined || nameOf(signal.who) === nameOf(who))
    );
  }

  observeLog(log: LogObservation): void {
    const kind = SIGNALS.find(([, pattern]) => pattern.test(log.text))?.[0];
    if (!kind) return;
    // The driver reports an executor that stopped sending heartbeats.
    const unresponsive =
      kind === 'heartbeat' ? /(?:Removing|Lost) executor (\S+)/.exec(log.text)?.[1] : undefined;
    const who: SparkProcess = unresponsive === undefined ? log.who : { executor: unresponsive };
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
            ([one, pattern]) =>
              (one === 'broadcast' || one === 'too-many-failures') && pattern.test(all)
          )?.[0];
    if (kind) this.#add(kind, 'client', cell, run, { source: 'client', at, quote, ref });
  }

  observeYarn(report: YarnObservation): void {
    const key = JSON.stringify([
      report.application,
      report.container,
      report.diagnostics,
      report.state
    ]);
    const known = this.yarn.get(key);
    if (known ? report.ref < known.ref : this.yarn.size < MAX_SIGNALS) this.yarn.set(key, report);
    if (/Max number of executor failures/.test(report.diagnostics)) {
      this.#add('too-many-failures', 'driver', null, null, {
        source: 'log',
        at: report.at,
        quote: report.diagnostics.slice(0, QUOTE),
        ref: report.ref
      });
    }
  }

  /** The newest wins; of equally old ones the smaller, so that the order of observations does not matter. */
  observeCapacity(capacity: CapacityObservation): void {
    const known = this.capacity;
    const older =
      known &&
      (known.at - capacity.at ||
        capacity.memoryMiB - known.memoryMiB ||
        capacity.cores - known.cores);
    if (older === null || older < 0) this.capacity = capacity;
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

/** By time, otherwise by reference: `driver.stderr:9` comes before `driver.stderr:10`. */
function earlier(a: Evidence, b: Evidence): boolean {
  if (a.at !== null && b.at !== null && a.at !== b.at) return a.at < b.at;
  const difference = a.ref.localeCompare(b.ref, 'en', { numeric: true });
  return difference !== 0 ? difference < 0 : a.quote < b.quote;
}
