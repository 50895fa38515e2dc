import type { Observation } from '@aglais/diagnosis';
import type { ClusterOption, Shape } from '@aglais/protocol';
import type { EvidenceSink } from '../evidence/evidence-sink.js';
import type { Capacity } from './capacity.js';
import type { ClusterSpec, Launcher, ObservedCluster, Resized } from './launcher.js';

/** Deadline of each call, ms. */
export interface LauncherDeadlines {
  observe: number;
  start: number;
  stop: number;
  resize: number;
  list: number;
  record: number;
  forget: number;
  capacity: number;
}

/** Much longer than each call takes on a busy machine; removing a driver on a dead node takes longest. */
export const LAUNCHER_DEADLINES: LauncherDeadlines = {
  observe: 15_000,
  start: 120_000,
  stop: 180_000,
  resize: 120_000,
  list: 30_000,
  record: 15_000,
  forget: 60_000,
  capacity: 30_000
};

/** A call did not end in time; it may still be running. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

/**
 * A launcher with a deadline for each call. A call that exceeds its deadline is not started a second time: a repeated
 * call waits for the running one.
 */
export class BoundedLauncher implements Launcher {
  readonly kind: Launcher['kind'];
  readonly capabilities: Launcher['capabilities'];
  readonly watch?: (onChange: (id: string) => void) => () => void;
  private readonly running = new Map<string, Promise<unknown>>();

  constructor(
    private readonly launcher: Launcher,
    private readonly deadlines: LauncherDeadlines = LAUNCHER_DEADLINES
  ) {
    this.kind = launcher.kind;
    this.capabilities = launcher.capabilities;
    if (launcher.watch) this.watch = onChange => launcher.watch!(onChange);
  }

  problem(): string | null {
    return this.launcher.problem?.() ?? null;
  }

  start(spec: ClusterSpec): Promise<void> {
    return this.call('start', spec.id, () => this.launcher.start(spec));
  }

  stop(id: string): Promise<void> {
    return this.call('stop', id, () => this.launcher.stop(id));
  }

  forget(id: string): Promise<void> {
    return this.call('forget', id, () => this.launcher.forget(id));
  }

  async over(id: string): Promise<void> {
    await this.call('forget', `what is open for ${id}`, async () => this.launcher.over?.(id));
  }

  list(): Promise<string[]> {
    return this.call('list', 'clusters', () => this.launcher.list());
  }

  observe(id: string): Promise<ObservedCluster | null> {
    return this.call('observe', id, () => this.launcher.observe(id));
  }

  /** Ends when aborted. */
  follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void> {
    return this.launcher.follow(id, sink, signal);
  }

  /** Its duration depends on the size of the evidence. */
  replay(id: string, sink: EvidenceSink): Promise<void> {
    return this.launcher.replay(id, sink);
  }

  record(id: string, observation: Observation): Promise<void> {
    const work = this.launcher.record(id, observation);
    return this.within('record', id, work);
  }

  resize(id: string, shape: Shape): Promise<Resized> {
    const key = `${id} ${JSON.stringify(shape)}`;
    return this.call('resize', key, () => this.launcher.resize(id, shape), id);
  }

  offers(): readonly ClusterOption[] {
    return this.launcher.offers();
  }

  capacity(options: readonly string[] = []): Promise<Capacity> {
    return this.call('capacity', options.join(' '), () => this.launcher.capacity(options));
  }

  close(): Promise<void> {
    return this.launcher.close();
  }

  private call<T>(
    name: keyof LauncherDeadlines,
    key: string,
    work: () => Promise<T>,
    what = key
  ): Promise<T> {
    const call = `${name} ${key}`;
    let running = this.running.get(call) as Promise<T> | undefined;
    if (!running) {
      running = work().finally(() => this.running.delete(call));
      this.running.set(call, running);
    }
    return this.within(name, what, running);
  }

  private async within<T>(
    name: keyof LauncherDeadlines,
    what: string,
    work: Promise<T>
  ): Promise<T> {
    const ms = this.deadlines[name];
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new DeadlineExceeded(`${name} ${what}: no result within ${ms / 1_000} s`)),
        ms
      );
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
      // After the deadline the result is not used any more.
      work.catch(() => undefined);
    }
  }
}
