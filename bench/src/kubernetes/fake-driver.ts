import { mkdir, open, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEvidenceServer, type EvidenceServer } from '@aglais/witness/evidence-server';

/** As in the drivers of Aglais (spark.executor.heartbeatInterval), ms. */
const HEARTBEAT_MS = 3_000;
/** The port at which the server expects the witness. */
const WITNESS_PORT = 8_444;

/** Event lines of a real driver, replayed with other ids. */
export interface RealEvents {
  /** What it wrote before its first job. */
  start: readonly string[];
  added: string;
  heartbeat: string;
  removed: string;
}

/** Each heartbeat gets another heap size: unchanged values would cost the server nothing. */
interface RealMetrics {
  'Executor Metrics': { JVMHeapMemory: number };
}

/** Selects them from the live events of a real driver. */
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

/** A driver as the server sees it: the real witness, and the recorded events of a real driver. */
export class FakeDriver {
  private readonly executors = new Set<number>();

  private constructor(
    private readonly directory: string,
    private readonly live: FileHandle,
    private readonly events: RealEvents,
    private readonly witness: EvidenceServer,
    private readonly over: AbortController,
    private readonly onError: (error: unknown) => void
  ) {}

  /** @param secret the cluster's, as its pod would have it mounted */
  static async open(options: {
    directory: string;
    address: string;
    application: string;
    secret: Record<string, string>;
    events: RealEvents;
    onError: (error: unknown) => void;
  }): Promise<FakeDriver> {
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
    const driver = new FakeDriver(directory, live, events, witness, over, onError);
    const named = events.start.map(line => {
      const event = JSON.parse(line) as Record<string, unknown>;
      return 'App ID' in event ? JSON.stringify({ ...event, 'App ID': options.application }) : line;
    });
    await writeFile(join(directory, 'driver.log'), '');
    await live.appendFile(`${named.join('\n')}\n`);
    void driver.sendHeartbeats('driver');
    return driver;
  }

  /** Becomes ready; resolves to the time of that, ms since the epoch. */
  async ready(): Promise<number> {
    const part = join(this.directory, '.ready.part');
    await writeFile(part, '15003\n');
    await rename(part, join(this.directory, 'ready'));
    return Date.now();
  }

  async added(executor: number): Promise<void> {
    this.executors.add(executor);
    await this.write(this.events.added, String(executor));
    void this.sendHeartbeats(String(executor));
  }

  async removed(executor: number): Promise<void> {
    this.executors.delete(executor);
    await this.write(this.events.removed, String(executor));
  }

  close(): void {
    this.over.abort();
    void this.live.close();
    void this.witness.close();
  }

  private async write(line: string, executor: string): Promise<void> {
    const event = JSON.parse(line) as Record<string, unknown>;
    event['Executor ID'] = executor;
    if ('Timestamp' in event) event['Timestamp'] = Date.now();
    for (const one of (event['Executor Metrics Updated'] ?? []) as RealMetrics[])
      one['Executor Metrics'].JVMHeapMemory = Math.round((50 + 200 * Math.random()) * 2 ** 20);
    await this.live.appendFile(`${JSON.stringify(event)}\n`);
  }

  /** Until the executor ends; each starts at a random time, so that heartbeats are not simultaneous. */
  private async sendHeartbeats(executor: string): Promise<void> {
    const { signal } = this.over;
    try {
      await sleep(Math.random() * HEARTBEAT_MS, undefined, { signal });
      while (executor === 'driver' || this.executors.has(Number(executor))) {
        await this.write(this.events.heartbeat, executor);
        await sleep(HEARTBEAT_MS, undefined, { signal });
      }
    } catch (error) {
      if (!signal.aborted) this.onError(error);
    }
  }
}
