import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, LocatedFinding } from '@aglais/protocol';
import type { Client } from '../support/server.js';
import type { Ledger } from './ledger.js';
import { diagnoseKept, told } from './offline.js';
import type { ServerProcess } from './server-process.js';
import { Workload } from './workload.js';
import type { World } from './world.js';

const LOOK_MS = 700;
/** While a server is running, orphans must be gone after this time, ms. */
const ORPHAN_MS = 60_000;
/** While a server is running, its response about an ended cluster must match the stored files after this time, ms. */
const AGREE_MS = 20_000;
const LIVE = ['requested', 'starting', 'ready', 'stopping'];

export const isWanted = ({ state }: Cluster): boolean =>
  ['requested', 'starting', 'ready'].includes(state);

export async function clustersOf(client: Client): Promise<Cluster[]> {
  return (await client.get<{ clusters: Cluster[] }>('/clusters')).body.clusters;
}

export async function findingsOf(client: Client, cluster: string): Promise<LocatedFinding[]> {
  const { body } = await client.get<{ findings: LocatedFinding[] }>('/findings');
  return body.findings.filter(placed => placed.cluster === cluster);
}

export interface Excuses {
  /** Clusters that a user stopped. */
  asked: Set<string>;
  /** Clusters whose driver was killed. */
  mortal: Set<string>;
  /** Clusters whose connections were broken on purpose: what ran there may be restarted. */
  shaken: Set<string>;
  /** Killed executors, by cluster. */
  victims: Map<string, Set<string>>;
}

/** Observes everything all the time, keeps each cluster busy, and records violations. */
export class Monitor {
  readonly workloads = new Map<string, Workload>();
  /** Ended clusters that were compared. */
  readonly judged = new Set<string>();
  private readonly disagree = new Map<string, number>();
  private readonly orphans = new Map<string, number>();
  private readonly over = new AbortController();
  private readonly watching: Promise<void>;

  constructor(
    private readonly world: World,
    private readonly server: ServerProcess,
    private readonly directory: string,
    private readonly excuses: Excuses,
    private readonly ledger: Ledger
  ) {
    this.watching = this.look();
  }

  async close(): Promise<void> {
    this.over.abort();
    await this.watching;
    await Promise.all([...this.workloads.values()].map(one => one.end()));
  }

  private async look(): Promise<void> {
    let before = Date.now();
    while (!this.over.signal.aborted) {
      const { client } = this.server;
      const now = Date.now();
      // A server that was killed meanwhile does not respond: then nothing is checked.
      if (client) await this.lookOnce(client, now - before).catch(() => undefined);
      before = now;
      await sleep(LOOK_MS);
    }
  }

  private async lookOnce(client: Client, sinceMs: number): Promise<void> {
    const clusters = await clustersOf(client);
    this.ledger.clusters = Math.max(this.ledger.clusters, clusters.length);
    for (const cluster of clusters) await this.keepAtWork(client, cluster);
    this.judgeStates(clusters);
    const objects = await this.world.objects();
    const living = new Set(clusters.filter(({ state }) => LIVE.includes(state)).map(c => c.id));
    this.judgeOrphans(
      objects.filter(({ cluster }) => !living.has(cluster)).map(({ what }) => what),
      sinceMs
    );
    const there = new Set(objects.map(({ cluster }) => cluster));
    for (const cluster of clusters) {
      if (living.has(cluster.id) || there.has(cluster.id) || this.judged.has(cluster.id)) continue;
      await this.judgeFindings(client, cluster, sinceMs);
    }
  }

  private async keepAtWork(client: Client, { id, state }: Cluster): Promise<void> {
    const work = this.workloads.get(id);
    if (work && state !== 'ready') return this.endWork(id, work);
    if (state !== 'ready') return;
    if (!work) {
      this.workloads.set(id, new Workload(await client.endpoint(id)));
      return;
    }
    const { wrong } = work.results;
    if (wrong.length > 0) this.ledger.violate('removed', `${id} said ${wrong.join()}`);
    if (work.failure === null) return;
    const { asked, mortal, shaken } = this.excuses;
    const now = await client.cluster(id);
    if (now.state === 'ready' && !asked.has(id) && !mortal.has(id) && !shaken.has(id)) {
      this.ledger.violate('removed', `work on ${id} broke: ${work.failure}`);
    }
    await this.endWork(id, work);
  }

  private async endWork(id: string, work: Workload): Promise<void> {
    this.workloads.delete(id);
    this.ledger.results += work.results.right;
    await work.end();
  }

  private judgeStates(clusters: readonly Cluster[]): void {
    const { asked, mortal } = this.excuses;
    const kernels = new Map<string, string[]>();
    for (const cluster of clusters) {
      const { id, kernel, state, reason } = cluster;
      if (isWanted(cluster)) kernels.set(kernel, [...(kernels.get(kernel) ?? []), id]);
      else if (state === 'failed' && !mortal.has(id)) {
        this.ledger.violate('removed', `${id} failed: ${reason}`);
      } else if (!asked.has(id) && !mortal.has(id)) {
        this.ledger.violate('removed', `${id} is ${state}: ${reason}`);
      }
    }
    for (const [kernel, ids] of kernels)
      if (ids.length > 1) this.ledger.violate('doubles', `${kernel} has ${ids.join()}`);
  }

  private judgeOrphans(found: readonly string[], sinceMs: number): void {
    for (const what of [...this.orphans.keys()])
      if (!found.includes(what)) this.orphans.delete(what);
    for (const what of found) {
      const known = this.orphans.get(what);
      const ms = known === undefined ? 0 : known + sinceMs;
      this.orphans.set(what, ms);
      this.ledger.longestOrphanMs = Math.max(this.ledger.longestOrphanMs, ms);
      if (ms > ORPHAN_MS) this.ledger.violate('orphans', what);
    }
  }

  private async judgeFindings(client: Client, cluster: Cluster, sinceMs: number): Promise<void> {
    const { id } = cluster;
    const live = (await findingsOf(client, id)).map(({ finding }) => finding);
    const kept = await diagnoseKept(join(this.directory, id));
    const said = live.map(told).sort();
    const found = kept.findings.map(told).sort();
    const agree = JSON.stringify(said) === JSON.stringify(found);
    const ms = (this.disagree.get(id) ?? 0) + sinceMs;
    this.disagree.set(id, ms);
    if (!agree && ms < AGREE_MS) return;
    this.judged.add(id);
    if (!agree) {
      const only = (these: string[], those: string[]) => these.filter(one => !those.includes(one));
      this.ledger.violate(
        'findings',
        `${id}: only live ${JSON.stringify(only(said, found))}, only offline ${JSON.stringify(only(found, said))}`
      );
    }
    this.ledger.findingsCompared += found.length;
    if (kept.begins > 1) this.ledger.violate('doubles', `${id} began ${kept.begins} times`);
    const blamed = new Set(live.flatMap(({ subject }) => subject.executors ?? []));
    const lost = new Set(kept.executors.filter(e => e.state === 'lost').map(e => e.id));
    for (const victim of this.excuses.victims.get(id) ?? []) {
      if (blamed.has(victim)) this.ledger.executorsNamedByFinding += 1;
      else if (lost.has(victim)) this.ledger.executorsNamedOtherwise += 1;
      else this.ledger.violate('unnamed', `executor ${victim} of ${id}`);
    }
  }
}
