import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { backOffAfter } from '../../../back-off.js';
import { ApiError, errorMessage } from './api-errors.js';
import { listPages } from './list-pages.js';
import { Relist, watchOnce, type WatchLine } from './watch-stream.js';
import { jittered, WATCH_TIMES, type WatchTimes } from './watch-times.js';

export type { WatchTimes } from './watch-times.js';

/** Broken for longer than this, what is known counts as out of date, ms. */
const OUT_OF_DATE_MS = 60_000;
/**
 * Refusals to go on from a version, after which everything is listed: it may be unknown to a server that was restored from
 * a backup. A server that cannot be reached says nothing about it, and should not be met by lists when it is back.
 */
const FRUITLESS = 3;

export interface ListWatchOptions<T> {
  kubeConfig: KubeConfig;
  /** E.g. `/api/v1/namespaces/x/pods`. */
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
  log: Logger;
  /** What is kept of an object; UID and resourceVersion have to be. Missing: all of it. */
  reduce?(object: T): T;
  /** New, or another version; called in the order of the API server. */
  onChange?(object: T): void;
  /** It is gone; what was known of it last. */
  onDelete?(object: T): void;
  /** A list was complete: `items` is what there was at that moment. */
  onSynced?(): void;
  /** A list or a watch failed; it is tried again. Who takes this says himself what it means; else it is logged. */
  onProblem?(error: unknown, during: 'list' | 'watch'): void;
  times?: Partial<WatchTimes>;
}

/** What it cost, for metrics and measurements. */
export interface WatchTraffic {
  lists: number;
  watches: number;
  /** Lines of watches: changes and bookmarks. */
  lines: number;
  bytes: number;
  /** Breaks that had to be waited for. */
  failures: number;
}

/**
 * Keeps a copy of what the API server has, by UID; survives every break of the connection. Objects are the API's JSON as
 * it came: times are strings in them, whatever their types say.
 *
 * It lists, watches from the list's version on, goes on from the last version that it saw after a break, and lists anew
 * when the server has forgotten that (410), when it refuses again and again, and now and then anyhow. So every change is seen
 * but those of objects that were changed and deleted while the server's memory of it ran out (about five minutes).
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export class ListWatch<T extends KubernetesObject> {
  /** By UID. */
  readonly items: ReadonlyMap<string, T>;
  readonly traffic: WatchTraffic = { lists: 0, watches: 0, lines: 0, bytes: 0, failures: 0 };
  /** When the API server last confirmed what is known, by performance.now(). */
  confirmedAt = 0;
  private readonly known = new Map<string, T>();
  private readonly times: WatchTimes;
  private readonly abort = new AbortController();
  private running: Promise<void> | null = null;
  private version = '';
  private listedAt = 0;
  /** Since when the API server has not answered, and why. */
  private broken: { since: number; message: string } | null = null;
  private relistAfterMs = 0;

  constructor(private readonly options: ListWatchOptions<T>) {
    this.items = this.known;
    this.times = { ...WATCH_TIMES, ...options.times };
  }

  /**
   * Resolves after the first complete list; until then, and later, it tries again for ever.
   * @throws if it is closed before.
   */
  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.running ??= this.run(resolve).finally(() =>
        reject(new Error('closed before the first list was complete'))
      );
    });
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.running?.catch(() => undefined);
  }

  /** Why the copy may be out of date; null if it is not. */
  problem(): string | null {
    const ms = this.broken ? performance.now() - this.broken.since : 0;
    if (!this.broken || ms < OUT_OF_DATE_MS) return null;
    return `${this.options.path} cannot be watched for ${Math.round(ms / 1000)} s: ${this.broken.message}`;
  }

  private async run(onFirstList: () => void): Promise<void> {
    let failures = 0;
    /** Those of them in which a server answered. */
    let refusals = 0;
    while (!this.abort.signal.aborted) {
      const began = Date.now();
      const linesBefore = this.traffic.lines;
      let during: 'list' | 'watch' = 'list';
      try {
        if (this.version === '' || began - this.listedAt > this.relistAfterMs) {
          await this.list();
          onFirstList();
        }
        during = 'watch';
        await this.watch();
        // A server that ends each watch at once must not be asked in a circle.
        const lived = this.traffic.lines > linesBefore || Date.now() - began > 1_000;
        failures = lived ? 0 : failures + 1;
        refusals = 0;
        if (failures > 0) await this.pause(failures, null);
      } catch (error) {
        if (this.abort.signal.aborted) return;
        if (this.traffic.lines > linesBefore) failures = refusals = 0;
        failures += 1;
        this.traffic.failures += 1;
        if (error instanceof ApiError || error instanceof SyntaxError) refusals += 1;
        if (refusals >= FRUITLESS || mustList(error)) this.version = '';
        const known = error instanceof Relist || (error instanceof ApiError && error.expired);
        // That a version has expired is nothing to complain about, and listing is no retry.
        if (known && failures === 1) continue;
        this.notify(() => this.options.onProblem?.(error, during));
        this.broken = {
          since: this.broken?.since ?? performance.now(),
          message: errorMessage(error)
        };
        this.logBreak(error, failures, await this.pause(failures, error));
      }
    }
  }

  private logBreak(error: unknown, failures: number, waitedMs: number): void {
    const { path, log } = this.options;
    log[failures > 2 && !this.options.onProblem ? 'warn' : 'debug'](
      { path, failures, waitedMs, problem: errorMessage(error) },
      'The watch on the Kubernetes API broke and goes on.'
    );
  }

  /** Waits before the next attempt; returns how long, ms. */
  private async pause(failures: number, error: unknown): Promise<number> {
    const ms = backOffAfter(error, failures, Math.random(), this.times.backOff);
    await sleep(ms, undefined, { signal: this.abort.signal }).catch(() => undefined);
    return Math.round(ms);
  }

  private get selection(): Record<string, string> {
    const { labelSelector, fieldSelector } = this.options;
    return {
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector })
    };
  }

  private async list(): Promise<void> {
    this.traffic.lists += 1;
    const { kubeConfig, path } = this.options;
    const { signal } = this.abort;
    const { requestMs } = this.times;
    const listed = await listPages<T>(kubeConfig, path, this.selection, signal, requestMs);
    this.traffic.bytes += listed.bytes;
    const found = new Map(listed.items.map(item => [uidOf(item), item]));
    for (const [uid, object] of this.known) if (!found.has(uid)) this.remove(uid, object);
    for (const [uid, object] of found) this.set(uid, object);
    this.version = listed.version;
    this.listedAt = Date.now();
    this.confirmedAt = performance.now();
    this.broken = null;
    this.relistAfterMs = jittered(this.times.relistMs);
    this.notify(() => this.options.onSynced?.());
  }

  private async watch(): Promise<void> {
    const { kubeConfig, path } = this.options;
    this.traffic.watches += 1;
    await watchOnce<T>({
      ...{ kubeConfig, path, selection: this.selection, version: this.version },
      ...{ times: this.times, signal: this.abort.signal },
      onLine: line => this.take(line),
      onBytes: count => (this.traffic.bytes += count)
    });
    this.confirmedAt = performance.now();
    this.broken = null;
  }

  private take({ type, object, version }: WatchLine<T>): void {
    if (type === 'ADDED' || type === 'MODIFIED') this.set(uidOf(object), object);
    else if (type === 'DELETED') this.remove(uidOf(object), object);
    this.traffic.lines += 1;
    this.confirmedAt = performance.now();
    this.broken = null;
    this.version = version;
  }

  private set(uid: string, object: T): void {
    const version = object.metadata?.resourceVersion;
    if (this.known.get(uid)?.metadata?.resourceVersion === version) return;
    const kept = this.options.reduce?.(object) ?? object;
    this.known.set(uid, kept);
    this.notify(() => this.options.onChange?.(kept));
  }

  private remove(uid: string, last: T): void {
    if (!this.known.delete(uid)) return;
    this.notify(() => this.options.onDelete?.(last));
  }

  /** What a listener does wrong must not end the watch. */
  private notify(call: () => void): void {
    try {
      call();
    } catch (error) {
      const { path, log } = this.options;
      log.error({ err: error, path }, 'A change in Kubernetes could not be applied.');
    }
  }
}

function mustList(error: unknown): boolean {
  if (error instanceof Relist) return true;
  // 4xx but "too many requests": the server does not like what is asked for.
  return (
    error instanceof ApiError &&
    error.status >= 400 &&
    error.status < 500 &&
    error.status !== 429 &&
    error.status !== 408
  );
}

function uidOf(object: KubernetesObject): string {
  const uid = object.metadata?.uid;
  if (!uid) throw new Relist('an object without a UID');
  return uid;
}
