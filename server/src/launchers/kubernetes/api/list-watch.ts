import { setTimeout as sleep } from 'node:timers/promises';
import { LineSplitter } from '@aglais/diagnosis';
import type { KubeConfig, KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { ApiError, getJson, openGet } from './api-request.js';
import { BACK_OFF, backOff, type BackOffTimes } from '../../../back-off.js';

/** How often and how long; all but `backOff` with up to a third of jitter. */
export interface WatchTimes {
  /** The server is asked to end a watch after this. */
  watchMs: number;
  /** It is ended from here this much later, should the server not do it. */
  graceMs: number;
  /** The API server sends bookmarks each minute: a watch that is silent for longer than this is dead, or worth nothing. */
  silenceMs: number;
  /** Everything is listed anew this often, whatever the watch said. */
  relistMs: number;
  /** Until an answer must have begun, and a page of a list be complete. */
  requestMs: number;
  backOff: BackOffTimes;
}

export const WATCH_TIMES: WatchTimes = {
  watchMs: 300_000,
  graceMs: 15_000,
  silenceMs: 130_000,
  relistMs: 1_800_000,
  requestMs: 30_000,
  backOff: BACK_OFF
};

const PAGE = 500;
/** Broken for longer than this, what is known counts as out of date, ms. */
const OUT_OF_DATE_MS = 60_000;
/**
 * Refusals to go on from a version, after which everything is listed: it may be unknown to a server that was restored from
 * a backup. A server that cannot be reached says nothing about it, and should not be met by lists when it is back.
 */
const FRUITLESS = 3;
/** Longer than this no server is waited for, whatever it asks. */
const RETRY_AFTER_MS = 60_000;

export interface ListWatchOptions<T> {
  kubeConfig: KubeConfig;
  /** E.g. `/api/v1/namespaces/x/pods`. */
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
  log: Logger;
  /** New, or another version; called in the order of the API server. */
  onChange?(object: T): void;
  /** It is gone; what was known of it last. */
  onDelete?(object: T): void;
  /** A list was complete: `items` is what there was at that moment. */
  onSynced?(): void;
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

/** One line of a watch. */
interface WatchLine<T> {
  type: string;
  object: T;
}

/** The watch cannot go on from the last version: list. */
class Relist extends Error {
  override readonly name = 'Relist';
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
  private readonly known = new Map<string, T>();
  private readonly times: WatchTimes;
  private readonly abort = new AbortController();
  private running: Promise<void> | null = null;
  private version = '';
  private listedAt = 0;
  /** Since when the API server has not answered, and why. */
  private broken: { since: number; words: string } | null = null;
  private relistAfterMs = 0;

  constructor(private readonly options: ListWatchOptions<T>) {
    this.items = this.known;
    this.times = { ...WATCH_TIMES, ...options.times };
  }

  /**
   * Resolves after the first complete list; until then, and later, it tries again for ever and logs why.
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
    return `${this.options.path} cannot be watched for ${Math.round(ms / 1000)} s: ${this.broken.words}`;
  }

  private async run(onFirstList: () => void): Promise<void> {
    let failures = 0;
    /** Those of them in which a server answered. */
    let refusals = 0;
    while (!this.abort.signal.aborted) {
      const began = Date.now();
      const linesBefore = this.traffic.lines;
      try {
        if (this.version === '' || began - this.listedAt > this.relistAfterMs) {
          await this.list();
          onFirstList();
        }
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
        const { path, log } = this.options;
        const words = error instanceof Error ? error.message : String(error);
        this.broken = { since: this.broken?.since ?? performance.now(), words };
        const waitedMs = await this.pause(failures, error);
        log[failures > 2 ? 'warn' : 'debug'](
          { path, failures, waitedMs, problem: words },
          'The watch on the Kubernetes API broke and goes on.'
        );
      }
    }
  }

  /** Waits before the next attempt; returns how long, ms. */
  private async pause(failures: number, error: unknown): Promise<number> {
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const ms = Math.max(
      backOff(failures, Math.random(), this.times.backOff),
      Math.min(asked, RETRY_AFTER_MS)
    );
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

  /** All there is now, of one version: without a resourceVersion the newest is read, never an older one of a cache. */
  private async list(): Promise<void> {
    const found = new Map<string, T>();
    let version = '';
    let next: string | undefined;
    this.traffic.lists += 1;
    do {
      const { body, bytes } = await getJson<KubernetesListObject<T>>(
        this.options.kubeConfig,
        this.options.path,
        {
          ...this.selection,
          limit: String(PAGE),
          ...(next !== undefined && { continue: next })
        },
        this.abort.signal,
        this.times.requestMs
      );
      this.traffic.bytes += bytes;
      for (const item of body.items) found.set(uidOf(item), item);
      version = body.metadata?.resourceVersion ?? '';
      next = body.metadata?._continue ?? continueOf(body);
    } while (next);
    if (version === '') throw new Error('a list without a resourceVersion');
    for (const [uid, object] of this.known) if (!found.has(uid)) this.remove(uid, object);
    for (const [uid, object] of found) this.set(uid, object);
    this.version = version;
    this.listedAt = Date.now();
    this.broken = null;
    this.relistAfterMs = jittered(this.times.relistMs);
    this.tell(() => this.options.onSynced?.());
  }

  /** Until the server ends it, or something breaks it. */
  private async watch(): Promise<void> {
    const { watchMs, graceMs, requestMs, silenceMs } = this.times;
    const forMs = jittered(watchMs);
    this.traffic.watches += 1;
    const answer = await openGet(
      this.options.kubeConfig,
      this.options.path,
      {
        ...this.selection,
        watch: '1',
        allowWatchBookmarks: 'true',
        resourceVersion: this.version,
        timeoutSeconds: String(Math.max(1, Math.round(forMs / 1000)))
      },
      this.abort.signal,
      requestMs
    );
    this.broken = null;
    const deadline = setTimeout(
      () => answer.destroy(new Error('the server did not end the watch')),
      forMs + graceMs
    );
    const silence = setTimeout(() => answer.destroy(new Silence()), jittered(silenceMs));
    // A last line that was cut off stays in the splitter, and comes again with the next watch.
    const splitter = new LineSplitter();
    try {
      for await (const chunk of answer) {
        silence.refresh();
        this.traffic.bytes += (chunk as Buffer).length;
        for (const line of splitter.push(chunk as Buffer)) this.take(line.text);
      }
    } catch (error) {
      // Nothing happened for long: that is no failure, but whether the connection lives is not known.
      if (!(error instanceof Silence)) throw error;
    } finally {
      clearTimeout(deadline);
      clearTimeout(silence);
      answer.destroy();
    }
  }

  private take(text: string): void {
    if (text === '') return;
    const { type, object } = JSON.parse(text) as WatchLine<T>;
    if (type === 'ERROR') throw refusal(object);
    const version = object.metadata?.resourceVersion;
    if (version === undefined) throw new Relist(`a line without a resourceVersion: ${type}`);
    if (type === 'ADDED' || type === 'MODIFIED') this.set(uidOf(object), object);
    else if (type === 'DELETED') this.remove(uidOf(object), object);
    else if (type !== 'BOOKMARK') throw new Relist(`an unknown line: ${type}`);
    this.traffic.lines += 1;
    this.version = version;
  }

  private set(uid: string, object: T): void {
    const version = object.metadata?.resourceVersion;
    if (this.known.get(uid)?.metadata?.resourceVersion === version) return;
    this.known.set(uid, object);
    this.tell(() => this.options.onChange?.(object));
  }

  private remove(uid: string, last: T): void {
    if (!this.known.delete(uid)) return;
    this.tell(() => this.options.onDelete?.(last));
  }

  /** What a listener does wrong must not end the watch. */
  private tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      const { path, log } = this.options;
      log.error({ err: error, path }, 'A change in Kubernetes could not be taken.');
    }
  }
}

class Silence extends Error {}

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

/** The JSON has the name that is a keyword in TypeScript. */
function continueOf(body: KubernetesListObject<KubernetesObject>): string | undefined {
  return (body.metadata as { continue?: string } | undefined)?.continue;
}

/** The object of an ERROR line is a `Status`. */
function refusal(status: unknown): Error {
  const { code, message, reason } = (status ?? {}) as {
    code?: number;
    message?: string;
    reason?: string;
  };
  const expired = code === 410 || reason === 'Expired' || reason === 'Gone';
  return new ApiError(expired ? 410 : (code ?? 500), message ?? reason ?? 'the watch failed');
}

function jittered(ms: number): number {
  return ms * (1 - Math.random() / 3);
}
