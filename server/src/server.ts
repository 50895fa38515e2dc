import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { makeApp } from './app.js';
import { ClusterRows } from './clusters/cluster-rows.js';
import { Clusters } from './clusters/clusters.js';
import { BoundedLauncher } from './launchers/bounded-launcher.js';
import { clustersDirectory, openLauncher } from './launchers/open-launcher.js';
import type { Config } from './config.js';
import { lockStateDirectory } from './state-lock.js';
import { FindingRows } from './findings/finding-rows.js';
import { openTokens } from './identity/tokens.js';
import { limitMetrics } from './evidence/limit-reports.js';
import { makeMetrics } from './metrics.js';
import { openReplicas } from './replicas/open-replicas.js';
import { OtherServers } from './replicas/other-servers.js';
import { catalogueSql } from './shares/catalogue-sql.js';
import { readShares } from './shares/declarations.js';
import { openInstallation } from './store/installation.js';
import { openStore } from './store/store.js';
import { Journal } from './stream/journal.js';
import { serveStream } from './stream/socket.js';

/** How long the end of the server waits for the end of its clusters, ms. */
const STOP_ALL_MS = 60_000;

export interface RunningServer {
  url: string;
  /** Ends the server; clusters too, if the configuration says so. */
  close(): Promise<void>;
}

/** Opens everything the configuration names and serves it. */
export async function startServer(config: Config, log: Logger): Promise<RunningServer> {
  await mkdir(config.stateDirectory, { recursive: true, mode: 0o700 });
  const unlock = lockStateDirectory(config.stateDirectory);
  try {
    return await serve(config, log, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function serve(config: Config, log: Logger, unlock: () => void): Promise<RunningServer> {
  const { dataDirectory, stateDirectory, defaultShape } = config;
  const store = await openStore(config.databaseUrl ?? join(stateDirectory, 'aglais.sqlite'));
  const tokens = await openTokens(config.secretsDirectory);
  const replicas = config.mayHaveReplicas
    ? await openReplicas(store, tokens, clustersDirectory(config), log)
    : null;
  const leases = replicas?.leases ?? null;
  const installation = await openInstallation(store);
  const opened = await openLauncher(config, tokens, replicas, installation, log);
  const { notebooks } = opened;
  const launcher = new BoundedLauncher(opened.launcher);
  const journal = new Journal();
  const shares = () => readShares(config.cataloguesDirectory, dataDirectory, opened.place);
  /** Problems of shares that the log has: they come again with each start. */
  const told = new Set<string>();
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
        if (problem && !told.has(problem)) log.warn(problem);
        if (problem) told.add(problem);
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
  const metrics = makeMetrics(
    journal,
    {
      // It takes the nodes to know: where they cannot be listed in this moment, all other figures are there.
      grantedMiB: () =>
        clusters.capacity().then(
          ({ grantedMiB }) => grantedMiB,
          () => Number.NaN
        ),
      unreadableLines: () => clusters.unreadableLines()
    },
    [...opened.figures, ...clusters.metrics(), ...limitMetrics]
  );
  const http = createServer(makeApp({ clusters, notebooks, shares, tokens, metrics, log }));
  const closeStream = serveStream(http, journal, tokens, log);
  await clusters.open();
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(config.port, config.host, resolve);
  });
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    async close() {
      http.close();
      closeStream();
      if (config.stopClustersOnExit) {
        const left = await clusters.stopAll(
          'Spark was stopped because Aglais was ended.',
          STOP_ALL_MS
        );
        if (left.length > 0)
          log.error(
            { clusters: left },
            'these clusters are not gone yet; the next start removes them'
          );
      }
      await clusters.close();
      http.closeAllConnections();
      await opened.close();
      await replicas?.close();
      await store.destroy();
      unlock();
    }
  };
}
