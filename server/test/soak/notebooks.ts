import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, LocatedFinding } from '@aglais/protocol';
import { SMALL, type Client } from '../support/server.js';
import type { World } from './world.js';

const READY_MS = 120_000;
/** Kernels that a Jupyter Server has had when it is closed. */
const KERNELS_OF_A_SERVER = 25;
/** Notebooks that are opened repeatedly; every third kernel belongs to one that is opened once. */
const FAVOURITES = 20;

interface JupyterServer {
  id: string;
  kernels: Map<string, string>;
  started: number;
  /** One report at a time, as Jupyter Servers send them. */
  reporting: Promise<unknown>;
}

/**
 * People with notebooks: each kernel gets a cluster, runs cells on it, and ends in one of the ways in which kernels and clusters
 * end. Which of them does what follows from its number.
 */
export class Notebooks {
  /** Jupyter Servers that there ever were. */
  jupyterServers = 0;
  private jupyter: JupyterServer = this.newJupyterServer();

  constructor(
    private readonly client: Client,
    private readonly world: World
  ) {}

  /** One kernel from its first cell to its end, and whether all went as it should. */
  async live(number: number): Promise<void> {
    const { client, world } = this;
    const kernel = `kernel-${number}`;
    const notebook =
      number % 3 === 0 ? `once/${number}.ipynb` : `often/${number % FAVOURITES}.ipynb`;
    const jupyter = await this.openKernel(kernel, notebook);
    const asked = { kernel, notebook, shape: SMALL };
    let id = (await this.expect<Cluster>('POST', '/clusters', [200, 201], asked)).id;
    let driver = await world.driver(id);
    await this.ready(id);
    if (number % 25 === 7) {
      id = (await this.expect<Cluster>('POST', `/clusters/${id}/restart`, [201], {})).id;
      driver = await world.driver(id);
      await this.ready(id);
    }
    await client.endpoint(id);
    const cell = (run: number, outcome: string) =>
      this.expect('POST', `/clusters/${id}/cell-runs`, [204, 404], {
        ...{ cell: `cell-${run}`, run, outcome, at: Date.now() },
        ...(outcome === 'error' && { error: { name: 'Py4JJavaError', message: 'x'.repeat(2_000) } })
      });
    await cell(1, 'running');
    await driver.work(number % 4 === 0);
    await cell(1, number % 4 === 0 ? 'error' : 'ok');
    if (number % 10 === 3) {
      const shape = { ...SMALL, executorOverheadMiB: SMALL.executorOverheadMiB + 64 };
      await this.expect('POST', `/clusters/${id}/resize`, [200, 409], { shape });
    }
    if (number % 8 === 0) await this.dismissOne(id, notebook);
    await cell(2, 'running');
    if (number % 20 === 11) driver.die();
    else if (number % 15 === 4) await this.kernelDies(jupyter, kernel);
    else if (number % 2 === 0) await this.expect('DELETE', `/clusters/${id}`, [202, 404]);
    await this.closeKernel(jupyter, kernel);
    await this.over(id);
    // A kernel that outlived its cluster says how its cell ended.
    await cell(2, 'cancelled');
  }

  private async expect<T>(
    method: string,
    path: string,
    statuses: number[],
    body?: unknown
  ): Promise<T> {
    const answer = await this.client.send<T>(method, `/api/v1${path}`, body);
    if (statuses.includes(answer.status)) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  private async ready(id: string): Promise<void> {
    const cluster = await this.until(
      id,
      ({ state }) => state !== 'requested' && state !== 'starting'
    );
    if (cluster?.state !== 'ready')
      throw new Error(`${id} is ${cluster?.state}: ${cluster?.reason}`);
  }

  /** Its end is known, or it is forgotten already. */
  private async over(id: string): Promise<void> {
    await this.until(id, ({ stoppedAt }) => stoppedAt !== null);
  }

  private async until(id: string, isSo: (cluster: Cluster) => boolean): Promise<Cluster | null> {
    const deadline = Date.now() + READY_MS;
    let revision = 0;
    for (;;) {
      const query = `afterRevision=${revision}&waitMs=5000`;
      const { status, body } = await this.client.get<Cluster>(`/clusters/${id}?${query}`);
      if (status === 404) return null;
      if (status !== 200) throw new Error(`${id}: ${status} ${JSON.stringify(body)}`);
      if (isSo(body)) return body;
      if (Date.now() > deadline) throw new Error(`${id} is still ${body.state}: ${body.reason}`);
      ({ revision } = body);
    }
  }

  private async dismissOne(id: string, notebook: string): Promise<void> {
    const query = `notebook=${encodeURIComponent(notebook)}`;
    const path = `/findings?${query}`;
    for (let tries = 0; tries < 20; tries += 1) {
      const { findings } = await this.expect<{ findings: LocatedFinding[] }>('GET', path, [200]);
      const own = findings.find(({ cluster }) => cluster === id);
      if (own) {
        const dismiss = `/clusters/${id}/findings/${encodeURIComponent(own.finding.id)}/dismiss`;
        await this.expect('POST', dismiss, [204, 404]);
        return;
      }
      await sleep(100);
    }
  }

  private newJupyterServer(): JupyterServer {
    this.jupyterServers += 1;
    return {
      id: `jupyter-${this.jupyterServers}`,
      kernels: new Map(),
      started: 0,
      reporting: Promise.resolve()
    };
  }

  private async openKernel(kernel: string, notebook: string): Promise<JupyterServer> {
    if (this.jupyter.started === KERNELS_OF_A_SERVER) this.jupyter = this.newJupyterServer();
    const { jupyter } = this;
    jupyter.started += 1;
    jupyter.kernels.set(kernel, notebook);
    await this.report(jupyter);
    return jupyter;
  }

  private async closeKernel(jupyter: JupyterServer, kernel: string): Promise<void> {
    jupyter.kernels.delete(kernel);
    await this.report(jupyter);
  }

  private async kernelDies({ id }: JupyterServer, kernel: string): Promise<void> {
    const death = { kernel, at: Date.now(), exitCode: -9, memory: null };
    await this.expect('POST', `/jupyter-servers/${id}/kernel-deaths`, [204], death);
  }

  private async report(jupyter: JupyterServer): Promise<void> {
    const { id, kernels } = jupyter;
    jupyter.reporting = jupyter.reporting.then(() => {
      const list = [...kernels].map(([kernel, notebook]) => ({ id: kernel, notebook }));
      return this.expect('PUT', `/jupyter-servers/${id}/kernels`, [204], { kernels: list });
    });
    await jupyter.reporting;
  }
}
