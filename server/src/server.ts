import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { makeApp, type Services } from './app.js';
import { ClusterRows } from './clusters/cluster-rows.js';
import { Clusters } from './clusters/clusters.js';
import type { Config } from './config.js';
import { FindingRows } from './findings/finding-rows.js';
import { Health } from './health.js';
import { openTokens, type Tokens } from './identity/tokens.js';
import { BoundedLauncher } from './launchers/bounded-launcher.js';
import { clustersDirectory, openLauncher } from './launchers/open-launcher.js';
import { limitMetrics } from './evidence/limit-reports.js';
import { addMetrics, makeMetrics } from './metrics.js';
import { refuseMalformed } from './problems.js';
import { openReplicas } from './replicas/open-replicas.js';
import { OtherServers } from './replicas/other-servers.js';
import { catalogueSql } from './shares/catalogue-sql.js';
import { readShares } from './shares/declarations.js';
import { Shutdown } from './shutdown.js';
import { lockStateDirectory } from './state-lock.js';
import { openInstallation } from './store/installation.js';
import { openStore } from './store/store.js';
import { Journal } from './stream/journal.js';
import { serveStream } from './stream/socket.js';

export interface RunningServer {
  url: string;
  /**
   * Resolves when the API is available; until then it responds with 503. Rejects if it never will be, and when the
   * server is closed before.
   */
  ready: Promise<void>;
  /** Shuts down within `config.shutdownMs` and a few seconds; stops the clusters, too, if configured. Idempotent. */
  close(): Promise<void>;
}

/** What the parts of a starting server have in common. */
interface Start {
  http: Server;
  config: Config;
  tokens: Tokens;
  journal: Journal;
  health: Health;
  metrics: Registry;
  shutdown: Shutdown;
  log: Logger;
}

/**
 * Listens first, then opens everything that the configuration names: so its progress is visible from outside.
 * @throws if it cannot listen, if another server uses the state directory, or if the secrets are invalid
 */
export async function startServer(config: Config, log: Logger): Promise<RunningServer> {
  await mkdir(config.stateDirectory, { recursive: true, mode: 0o700 });
  const shutdown = new Shutdown(config.shutdownMs, log);
  const unlock = lockStateDirectory(config.stateDirectory);
  await shutdown.add({ name: 'state directory', end: unlock });
  try {
    return await listen(config, log, shutdown);
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}

async function listen(config: Config, log: Logger, shutdown: Shutdown): Promise<RunningServer> {
  const tokens = await openTokens(config.secretsDirectory);
  const health = new Health();
  const journal = new Journal();
  let clusters: Clusters | null = null;
  const metrics = makeMetrics(journal, {
    // It depends on the nodes: if they cannot be listed now, all other metrics are still available.
    grantedMiB: async () => {
      const capacity = await clusters?.capacity().catch(() => null);
      return capacity?.grantedMiB ?? Number.NaN;
    },
    unreadableLines: () => clusters?.unreadableLines() ?? Number.NaN
  });
  const opening = Promise.withResolvers<Services>();
  const services = opening.promise;
  const http = createServer(makeApp({ health, tokens, metrics, log, services }));
  http.on('clientError', refuseMalformed);
  const closeStream = serveStream(http, journal, tokens, health, log);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(config.port, config.host, resolve);
  });
  await shutdown.add({ name: 'connections', end: () => http.closeAllConnections() });
  const start: Start = { http, config, tokens, journal, health, metrics, shutdown, log };
  const ready = open(start).then(opened => {
    clusters = opened.clusters;
    opening.resolve(opened);
    health.opened();
  });
  // A client that does not wait for it sees the state in the responses.
  ready.catch(opening.reject);
  services.catch(() => undefined);
  return {
    url: urlOf(http, config.host),
    ready,
    async close() {
      health.ending();
      http.close();
      closeStream();
      await shutdown.run();
    }
  };
}

async function open(start: Start): Promise<Services> {
  const { http, config, tokens, journal, health, metrics, shutdown, log } = start;
  const { dataDirectory, stateDirectory, defaultShape } = config;
  health.startsWith('the database');
  const store = await openStore(config.databaseUrl ?? join(stateDirectory, 'aglais.sqlite'));
  await shutdown.add({ name: 'database', end: () => store.destroy() });
  health.addCheck({
    name: 'database',
    check: async () => {
      await sql`select 1`.execute(store);
      return null;
    }
  });
  const replicas = config.mayHaveReplicas
    ? await openReplicas(store, tokens, clustersDirectory(config), log)
    : null;
  if (replicas) await shutdown.add({ name: 'leases', end: () => replicas.close() });
  const leases = replicas?.leases ?? null;
  const installation = await openInstallation(store);
  health.startsWith('the launcher');
  const opened = await openLauncher(config, tokens, replicas, installation, log);
  await shutdown.add({ name: 'launcher', end: () => opened.close() });
  health.startsWith(opened.waitsFor);
  await opened.open();
  addMetrics(metrics, [...opened.figures, ...limitMetrics]);
  const { notebooks } = opened;
  const launcher = new BoundedLauncher(opened.launcher);
  health.addCheck({
    name: 'launcher',
    check: () => Promise.resolve(launcher.problem())
  });
  const shares = () => readShares(config.cataloguesDirectory, dataDirectory, opened.place);
  /** Problems of shares that were already logged: they occur again with each start of a cluster. */
  const logged = new Set<string>();
  const rows = new ClusterRows(store, leases);
  const findings = new FindingRows(store, leases);
  const clusters = new Clusters({
    launcher,
    rows,
    findings,
    journal,
    leaseHolder: leases,
    remoteClusters:
      replicas && new OtherServers({ replicas, rows, findings, journal, launcher, log }),
    ...(replicas && { jupyterServers: replicas.jupyterServers }),
    tokens,
    catalogue: async () => {
      const declared = await shares();
      for (const { problem } of declared) {
        if (problem && !logged.has(problem)) log.warn(problem);
        if (problem) logged.add(problem);
      }
      return declared.flatMap(({ share, problem }) =>
        share && !problem ? catalogueSql(share) : []
      );
    },
    shares: async () =>
      (await shares()).flatMap(({ share, problem }) =>
        share && !problem ? [{ id: share.id, path: share.path }] : []
      ),
    defaultShape,
    deadlines: { startMs: config.startDeadlineMs, idleMs: config.idleMs },
    retention: config.retention,
    spares: opened.spares,
    log
  });
  // Before the dependencies of requests are closed.
  await shutdown.add({ name: 'requests', end: () => http.closeAllConnections() });
  await shutdown.add({ name: 'clusters', end: () => clusters.close() });
  if (config.stopClustersOnExit) {
    await shutdown.add({
      name: 'Spark',
      end: () => stopAll(clusters, config.shutdownMs, log),
      left: () => leftBehind(clusters)
    });
  }
  health.startsWith('the clusters of an earlier server to be read');
  addMetrics(metrics, clusters.metrics());
  await clusters.open();
  health.watchLoops(clusters);
  return { clusters, notebooks, shares };
}

async function stopAll(clusters: Clusters, ms: number, log: Logger): Promise<void> {
  const left = await clusters.stopAll('Spark was stopped because Aglais was stopped.', ms);
  if (left.length > 0) log.warn({ clusters: left }, leftBehind(clusters));
}

function leftBehind(clusters: Clusters): string {
  const live = clusters.list().filter(({ state }) => state !== 'stopped' && state !== 'failed');
  const names = live.map(({ id, notebook }) => `${id} (${notebook})`).join(', ');
  return `Left running: ${names || 'none'}. The next server stops them.`;
}

function urlOf(http: Server, host: string): string {
  const { port } = http.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
