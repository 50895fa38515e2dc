import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation } from '@aglais/diagnosis';
import type { Shape } from '@aglais/protocol';
import type { EvidenceSink, Launcher, ObservedCluster } from '../../src/launchers/launcher.js';
import { machineCapacity } from '../../src/launchers/local/machine-capacity.js';
import { LOCAL } from './rows.js';

const READY_MS = 30;
const LOOK_MS = 5;

interface Being {
  since: number;
  /** Why its driver has ended. */
  exit: string | null;
}

/** The actions of one server, in order. */
export interface Deed {
  by: string;
  what: 'start' | 'stop' | 'resize';
  id: string;
}

/**
 * A simulated platform that outlives its servers: each server has its own launcher for it. It implements the contract
 * of launchers in memory, and records the actions of each server.
 */
export class SharedWorld {
  readonly deeds: Deed[] = [];
  /** By cluster: how often a driver was started. */
  readonly begun = new Map<string, number>();
  private readonly beings = new Map<string, Being>();
  private readonly evidence = new Map<string, Observation[]>();
  private readonly frozen = new Map<string, Promise<void>>();

  constructor(private readonly memoryMiB: number) {}

  alive(): string[] {
    return [...this.beings.keys()];
  }

  /** Its driver exits. */
  kill(id: string, exit: string): void {
    this.beings.get(id)!.exit = exit;
  }

  /** All servers observe this. */
  see(id: string, observation: Observation): void {
    this.evidence.set(id, [...(this.evidence.get(id) ?? []), observation]);
  }

  /** The observations are lost, like with the disk of the only server that had them. */
  forget(id: string): void {
    this.evidence.delete(id);
  }

  /** From now on this server gets no response when it observes a cluster, until the result is called. */
  freeze(by: string): () => void {
    let thaw = (): void => undefined;
    this.frozen.set(by, new Promise(resolve => (thaw = resolve)));
    return thaw;
  }

  launcher(by: string): Launcher {
    const did = (what: Deed['what'], id: string): void => void this.deeds.push({ by, what, id });
    return {
      kind: 'kubernetes',
      capabilities: { resizeInPlace: LOCAL },
      start: ({ id }) => {
        did('start', id);
        if (!this.begun.has(id) && !this.beings.has(id)) {
          this.begun.set(id, 1);
          this.beings.set(id, { since: performance.now(), exit: null });
        } else if (!this.beings.has(id)) this.begun.set(id, this.begun.get(id)! + 1);
        return Promise.resolve();
      },
      stop: async id => {
        did('stop', id);
        await sleep(LOOK_MS);
        this.beings.delete(id);
      },
      forget: id => Promise.resolve(void this.evidence.delete(id)),
      list: () => Promise.resolve([...this.beings.keys()]),
      observe: async id => {
        // The state at the time of the request: the response is outdated when it arrives.
        const seen = this.observed(id);
        await this.frozen.get(by);
        return seen;
      },
      follow: (id, sink, signal) => this.follow(id, sink, signal),
      replay: (id, sink) => Promise.resolve(this.tell(id, sink, 0)).then(() => undefined),
      record: (id, observation) => Promise.resolve(this.see(id, observation)),
      resize: (id: string, _shape: Shape) => {
        did('resize', id);
        return Promise.resolve('live' as const);
      },
      offers: () => [],
      capacity: () => Promise.resolve(machineCapacity(this.memoryMiB)),
      close: () => Promise.resolve()
    };
  }

  private observed(id: string): ObservedCluster | null {
    const being = this.beings.get(id);
    if (!being) return null;
    const ready = performance.now() - being.since > READY_MS;
    const state = being.exit !== null ? 'exited' : ready ? 'ready' : 'starting';
    return {
      ...{ id, state, ca: null, advice: null, shareProblems: [], exit: being.exit },
      url: state === 'ready' ? `sc://${id}:15002` : null,
      waitingFor: state === 'starting' ? 'the driver' : null
    };
  }

  private tell(id: string, sink: EvidenceSink, from: number): number {
    const all = this.evidence.get(id) ?? [];
    for (const observation of all.slice(from)) sink.evidenceLine(JSON.stringify(observation), 'x');
    return all.length;
  }

  private async follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void> {
    let told = 0;
    while (!signal.aborted) {
      told = this.tell(id, sink, told);
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
    this.tell(id, sink, told);
  }
}
