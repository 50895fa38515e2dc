import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { backOffAfter } from '../../../back-off.js';
import { ApiError, errorMessage } from './api-errors.js';
import { listPages } from './list-pages.js';
import { Relist, watchOnce, type WatchLine } from './watch-stream.js';
import { jittered, WATCH_TIMES, type WatchTimes } from './watch-times.js';

export type { WatchTimes } from './watch-times.js';

/** If the connection is broken for longer, the cache counts as stale, ms. */
const OUT_OF_DATE_MS = 60_000;
/**
 * Number of refusals to resume from a version, after which everything is listed again: the version may be unknown to a
 * server that was restored from a backup. An unreachable server says nothing about the version, and should not receive
 * many lists when it is back.
 */
const FRUITLESS = 3;

export interface ListWatchOptions<T> {
  kubeConfig: KubeConfig;
  /** For example `/api/v1/namespaces/x/pods`. */
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
  log: Logger;
  /** What to keep of an object; must include UID and resourceVersion. Missing: everything. */
  reduce?(object: T): T;
  /** A new or changed object, in the order of the API server. */
  onChange?(object: T): void;
  /** A deleted object, in its last known version. */
  onDelete?(object: T): void;
  /** A list was complete: `items` are all objects at that time. */
  onSynced?(): void;
  /** A list or a watch failed; it is retried. Default: the error is logged. */
  onProblem?(error: unknown, during: 'list' | 'watch'): void;
  times?: Partial<WatchTimes>;
}

/** Counters for metrics and measurements. */
export interface WatchTraffic {
  lists: number;
  watches: number;
  /** Lines of watches: changes and bookmarks. */
  lines: number;
  bytes: number;
  /** Failures followed by a back-off. */
  failures: number;
}

/**
 * Keeps a cache of objects of the API server, by UID; survives every failure of the connection. Objects are the raw
 * JSON of the API: times are strings, in spite of the types.
 *
 * It lists, watches from the version of the list, resumes from the last seen version after a failure, and lists again
 * when that version has expired (410), when the server refuses repeatedly, and periodically. So every change is seen,
 * except those of objects that were changed and deleted during a failure that is longer than the server's history
 * (about five minutes). https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export class ListWatch<T extends KubernetesObject> {
  /** By UID. */
  readonly items: ReadonlyMap<string, T>;
  readonly traffic: WatchTraffic = { lists: 0, watches: 0, lines: 0, bytes: 0, failures: 0 };
  /** When the API server last confirmed the cache, by performance.now(). */
  confirmedAt = 0;
  private readonly known = new Map<string, T>();
  private readonly times: WatchTimes;
  private readonly abort = new AbortController();
  private running: Promise<void> | null = null;
  private version = '';
  private listedAt = 0;
  /** Since when the API server has not responded, and why. */
  private broken: { since: number; message: string } | null = null;
  private relistAfterMs = 0;

  constructor(private readonly options: ListWatchOptions<T>) {
    this.items = this.known;
    this.times = { ...WATCH_TIMES, ...options.times };
  }

  /**
   * Resolves after the first complete list; retries forever.
   * @throws if it is closed before
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

  /** Why the cache may be stale; null if it is not. */
  problem(): string | null {
    const ms = this.broken ? performance.now() - this.broken.since : 0;
    if (!this.broken || ms < OUT_OF_DATE_MS) return null;
    return `${this.options.path} cannot be watched for ${Math.round(ms / 1000)} s: ${this.broken.message}`;
  }

  private async run(onFirstList: () => void): Promise<void> {
    let failures = 0;
    /** Failures in which a server responded. */
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
        // A server that ends each watch immediately must not be called in a tight loop.
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
        // An expired version is no problem, and listing is not a retry.
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

  /** Waits before the next attempt; returns the delay, ms. */
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

  /** An error in a listener must not end the watch. */
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
  // 4xx except "too many requests": the server rejects the request itself.
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
