import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig, V1Pod } from '@kubernetes/client-node';
import type { Shape } from '@aglais/protocol';
import { pino } from 'pino';
import { ClusterRows } from '../../src/clusters/cluster-rows.js';
import { Clusters } from '../../src/clusters/clusters.js';
import { FindingRows } from '../../src/findings/finding-rows.js';
import type { Tokens } from '../../src/identity/tokens.js';
import { BoundedLauncher } from '../../src/launchers/bounded-launcher.js';
import { KubernetesEvidence } from '../../src/launchers/kubernetes/evidence/kubernetes-evidence.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { KubernetesLauncher } from '../../src/launchers/kubernetes/kubernetes-launcher.js';
import { shapeOf } from '../../src/launchers/kubernetes/objects/shape-annotation.js';
import { openStore, type WholeStore } from '../../src/store/store.js';
import { Journal } from '../../src/stream/journal.js';
import type { Call } from './kubernetes-stand-in.js';
import { eventually, SMALL, temporaryDirectory } from './server.js';
import { SimulatedPods } from './simulated-pods.js';

const NAMESPACE = 'resize';
/** As often as the launcher looks for executors below their limit, ms. */
const SWEEP_MS = 1_000;
const SOON_MS = 15_000;

/** All of a server but its HTTP side, over a stand-in for Kubernetes in which calls can be refused. */
export class ResizeSetting {
  clusters!: Clusters;
  private launcher!: KubernetesLauncher;
  private evidence!: KubernetesEvidence;

  constructor(
    readonly pods: SimulatedPods,
    private readonly kubeConfig: KubeConfig,
    private readonly store: WholeStore,
    private readonly directory: ReturnType<typeof temporaryDirectory>
  ) {}

  async begin(): Promise<void> {
    const { store, kubeConfig } = this;
    const log = pino({ level: 'silent' });
    const directory = join(this.directory.path, 'clusters');
    this.evidence = new KubernetesEvidence({ directory, log });
    this.launcher = new KubernetesLauncher({
      ...{ kubeConfig, directory, log, evidence: this.evidence },
      config: KubernetesConfig.parse({
        ...{ namespace: NAMESPACE, image: { name: 'none' }, stopSeconds: 1 }
      }),
      secretOf: (cluster, purpose) => `${purpose} of ${cluster}`
    });
    await this.launcher.open();
    this.clusters = new Clusters({
      ...{ log, journal: new Journal(), launcher: new BoundedLauncher(this.launcher) },
      rows: new ClusterRows(store),
      findings: new FindingRows(store),
      tokens: { forCluster: () => 'token' } as unknown as Tokens,
      catalogue: () => Promise.resolve([]),
      shares: () => Promise.resolve([]),
      defaultShape: SMALL,
      deadlines: { startMs: 60_000, idleMs: 600_000 },
      retention: { maxAgeMs: 86_400_000, perNotebook: 20 }
    });
    await this.clusters.open();
  }

  async close(): Promise<void> {
    this.pods.api.refuse = () => null;
    await this.end();
    await this.store.destroy();
    await this.pods.close();
    this.directory.remove();
  }

  async restartServer(): Promise<void> {
    await this.end();
    await this.begin();
  }

  /** The id of a cluster that is ready. */
  async ready(kernel: string): Promise<string> {
    const { cluster } = await this.clusters.request({ kernel, notebook: `${kernel}.ipynb` });
    const isReady = () =>
      this.clusters.list().find(({ id }) => id === cluster.id)?.state === 'ready';
    await eventually('a ready cluster', isReady, SOON_MS);
    return cluster.id;
  }

  async shapeInDatabase(id: string): Promise<Shape> {
    return JSON.parse((await new ClusterRows(this.store).get(id))!.shape) as Shape;
  }

  async setDesiredShape(id: string, shape: Shape): Promise<void> {
    await new ClusterRows(this.store).update(id, { shape: JSON.stringify(shape) });
  }

  /** As Kubernetes has it. */
  notedShape(id: string): Shape {
    return shapeOf(this.pods.pod(`aglais-${id}`)!);
  }

  executorLimits(id: string): string[] {
    return [1, 2].map(executor => limitOf(this.pods.pod(`aglais-${id}-exec-${executor}`)!));
  }

  /** The driver's last request; null: none. */
  async desiredExecutors(id: string): Promise<string | null> {
    const file = join(this.directory.path, 'pods', id, 'executors');
    return readFile(file, 'utf8').then(
      text => text.trim(),
      () => null
    );
  }

  addExecutor(id: string, executor: number): void {
    this.pods.addExecutor(id, executor);
  }

  removeExecutor(id: string, executor: number): void {
    this.pods.api.delete(`/api/v1/namespaces/${NAMESPACE}/pods/aglais-${id}-exec-${executor}`);
  }

  /** Whether a call writes the shape of a cluster. */
  isNote({ method, path, body }: Call): boolean {
    return (
      method === 'PATCH' && !path.endsWith('/resize') && JSON.stringify(body).includes('/shape')
    );
  }

  asksFor({ body }: Call, memoryMiB: number): boolean {
    return limitOf(body as unknown as V1Pod) === `${memoryMiB}Mi`;
  }

  async sweeps(count: number): Promise<void> {
    await sleep((count + 0.5) * SWEEP_MS);
  }

  private async end(): Promise<void> {
    await this.clusters.close();
    await this.launcher.close();
    await this.evidence.close();
  }
}

export async function openResizeSetting(): Promise<ResizeSetting> {
  const directory = temporaryDirectory();
  const pods = new SimulatedPods(join(directory.path, 'pods'), NAMESPACE, [1, 2], '127.68');
  const setting = new ResizeSetting(
    pods,
    await pods.api.open(),
    await openStore(':memory:'),
    directory
  );
  await setting.begin();
  return setting;
}

function limitOf({ spec }: V1Pod): string {
  return spec!.containers[0]!.resources!.limits!['memory']!;
}
