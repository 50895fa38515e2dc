import { mkdir, open, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEvidenceServer, type EvidenceServer } from '@aglais/witness/evidence-server';

/** As the drivers of Aglais have it (spark.executor.heartbeatInterval), ms. */
const HEARTBEAT_MS = 3_000;
/** Where the server looks for a witness. */
const WITNESS_PORT = 8_444;

/** Lines of a real driver, to be sent again in other names. */
export interface RealEvents {
  /** What it wrote until its first job. */
  start: readonly string[];
  added: string;
  heartbeat: string;
  removed: string;
}

/** A heap is never twice as full: what does not change would cost the server nothing. */
interface RealMetrics {
  'Executor Metrics': { JVMHeapMemory: number };
}

/** Picks them from what a real driver wrote. */
export function readRealEvents(live: string): RealEvents {
  const lines = live.split('\n');
  const first = (event: string) => {
    const line = lines.find(one => one.startsWith(`{"Event":"SparkListener${event}"`));
    if (!line) throw new Error(`The recorded run has no ${event}.`);
    return line;
  };
  const added = first('ExecutorAdded');
  return {
    start: lines.slice(0, lines.indexOf(first('JobStart'))),
    added,
    heartbeat: first('ExecutorMetricsUpdate'),
    removed: first('ExecutorRemoved')
  };
}

/** What a driver and its witness do, as far as the server sees it: the real witness, and events in a real driver's words. */
export class PaperDriver {
  private readonly executors = new Set<number>();

  private constructor(
    private readonly directory: string,
    private readonly live: FileHandle,
    private readonly events: RealEvents,
    private readonly witness: EvidenceServer,
    private readonly over: AbortController,
    private readonly onError: (error: unknown) => void
  ) {}

  /** @param secret of the cluster, as its pod would have it mounted */
  static async open(options: {
    directory: string;
    address: string;
    application: string;
    secret: Record<string, string>;
    events: RealEvents;
    onError: (error: unknown) => void;
  }): Promise<PaperDriver> {
    const { directory, address, secret, events, onError } = options;
    const text = (key: string) => Buffer.from(secret[key]!, 'base64').toString('utf8');
    await mkdir(directory, { recursive: true });
    const over = new AbortController();
    const witness = await openEvidenceServer({
      directory,
      application: options.application,
      identity: { key: text('tls.key'), certificate: text('tls.crt') },
      token: text('witness-token').trim(),
      port: WITNESS_PORT,
      host: address,
      over: over.signal,
      onDone: () => undefined
    });
    const live = await open(join(directory, 'live.jsonl'), 'a');
    const driver = new PaperDriver(directory, live, events, witness, over, onError);
    const named = events.start.map(line => {
      const event = JSON.parse(line) as Record<string, unknown>;
      return 'App ID' in event ? JSON.stringify({ ...event, 'App ID': options.application }) : line;
    });
    await writeFile(join(directory, 'driver.log'), '');
    await live.appendFile(`${named.join('\n')}\n`);
    void driver.beat('driver');
    return driver;
  }

  /** From now on it can be used. Resolves to when it said so, ms since the epoch. */
  async ready(): Promise<number> {
    const part = join(this.directory, '.ready.part');
    await writeFile(part, '15003\n');
    await rename(part, join(this.directory, 'ready'));
    return Date.now();
  }

  async added(executor: number): Promise<void> {
    this.executors.add(executor);
    await this.say(this.events.added, String(executor));
    void this.beat(String(executor));
  }

  async removed(executor: number): Promise<void> {
    this.executors.delete(executor);
    await this.say(this.events.removed, String(executor));
  }

  close(): void {
    this.over.abort();
    void this.live.close();
    void this.witness.close();
  }

  private async say(line: string, executor: string): Promise<void> {
    const event = JSON.parse(line) as Record<string, unknown>;
    event['Executor ID'] = executor;
    if ('Timestamp' in event) event['Timestamp'] = Date.now();
    for (const one of (event['Executor Metrics Updated'] ?? []) as RealMetrics[])
      one['Executor Metrics'].JVMHeapMemory = Math.round((50 + 200 * Math.random()) * 2 ** 20);
    await this.live.appendFile(`${JSON.stringify(event)}\n`);
  }

  /** Each executor in its own rhythm, as long as it lives. */
  private async beat(executor: string): Promise<void> {
    const { signal } = this.over;
    try {
      await sleep(Math.random() * HEARTBEAT_MS, undefined, { signal });
      while (executor === 'driver' || this.executors.has(Number(executor))) {
        await this.say(this.events.heartbeat, executor);
        await sleep(HEARTBEAT_MS, undefined, { signal });
      }
    } catch (error) {
      if (!signal.aborted) this.onError(error);
    }
  }
}
