import { createHash } from 'node:crypto';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Tokens } from '../identity/tokens.js';
import type { Metric } from '../metrics.js';
import type { NotebookMemories } from '../notebooks/notebook-memories.js';
import { onThisMachine, type SharePlace } from '../shares/declarations.js';
import type { Launcher, SpareTarget } from './launcher.js';
import type { Installation } from '../store/installation.js';
import { claimDirectory } from './installation-directory.js';
import type { ClusterNotes } from './kubernetes/cluster-notes.js';
import type { SharedEvidence } from './kubernetes/evidence/kubernetes-evidence.js';
import { openCgroups } from './local/cgroups.js';
import { findInstallation } from './local/spark-installation.js';
import { LocalLauncher } from './local/local-launcher.js';

/** A launcher, and the locations of the shares for its clusters. */
export interface OpenedLauncher {
  launcher: Launcher;
  place: SharePlace;
  /** Metrics for operators. */
  figures: readonly Metric[];
  /** Null where the memory of notebook pods is not managed. */
  notebooks: NotebookMemories | null;
  /** Clusters that are started in advance, and whether this waits for the first Jupyter Server. */
  spares: { targets: SpareTarget[]; waitForJupyter: boolean; waitForQuiet: boolean };
  /** What `open` is waiting for, for people. */
  waitsFor: string;
  /** Resolves when the existing clusters are known, however long that takes. @throws if it is closed before */
  open(): Promise<void>;
  close(): Promise<void>;
}

/** What launchers of several servers share through their database. */
export interface SharedClusters {
  evidence: SharedEvidence;
  notes: ClusterNotes;
  /** Whether this server holds the lease of a cluster right now. */
  hasValidLease(cluster: string): boolean;
}

/**
 * The launcher of the configuration.
 * @param shared null: this is the only server
 */
export async function openLauncher(
  config: Config,
  tokens: Tokens,
  shared: SharedClusters | null,
  installation: Installation,
  log: Logger
): Promise<OpenedLauncher> {
  return config.kubernetesConfigFile === null
    ? openLocal(config, installation, log)
    : openKubernetes(config, config.kubernetesConfigFile, tokens, shared, installation, log);
}

/** It gets one directory per cluster. */
export const clustersDirectory = ({ stateDirectory }: Config): string =>
  join(stateDirectory, 'clusters');

async function openLocal(
  config: Config,
  installation: Installation,
  log: Logger
): Promise<OpenedLauncher> {
  await claimDirectory(clustersDirectory(config), installation);
  const { stateDirectory } = config;
  const name = `aglais-${createHash('sha256').update(stateDirectory).digest('hex').slice(0, 8)}`;
  const cgroup = config.useCgroups ? await openCgroups(name) : null;
  if (!cgroup)
    log.warn('memory cgroups cannot be used here: executors are not held to their limit');
  return {
    launcher: new LocalLauncher({
      directory: clustersDirectory(config),
      installation: await findInstallation(config),
      cgroup,
      memoryMiB: config.memoryMiB,
      environment: config.driverEnvironment
    }),
    place: onThisMachine(config.dataDirectory),
    figures: [],
    notebooks: null,
    spares: {
      targets: [{ shape: config.defaultShape, count: config.spares }],
      waitForJupyter: true,
      waitForQuiet: true
    },
    waitsFor: 'the local launcher',
    open: () => Promise.resolve(),
    async close() {
      // Only an empty group can be removed: running clusters keep theirs.
      if (cgroup) await rmdir(cgroup).catch(() => undefined);
    }
  };
}

async function openKubernetes(
  config: Config,
  configFile: string,
  tokens: Tokens,
  shared: SharedClusters | null,
  installation: Installation,
  log: Logger
): Promise<OpenedLauncher> {
  // Imported on demand: the Kubernetes client takes half a second to load.
  const { KubernetesLauncher } = await import('./kubernetes/kubernetes-launcher.js');
  const { KubernetesEvidence } = await import('./kubernetes/evidence/kubernetes-evidence.js');
  const { connect } = await import('./kubernetes/api/connection.js');
  const { readKubernetesConfig } = await import('./kubernetes/kubernetes-config.js');
  const { sharePath } = await import('./kubernetes/objects/share-volumes.js');
  const { archiveFor, archiveMetrics } = await import('./kubernetes/archive/archive-for.js');
  const { NotebookPods } = await import('../notebooks/notebook-pods.js');
  const kubernetesConfig = {
    ...(await readKubernetesConfig(configFile)),
    installationId: installation.id
  };
  const kubeConfig = connect(kubernetesConfig);
  const directory = clustersDirectory(config);
  const evidence = new KubernetesEvidence({ directory, log, shared: shared?.evidence ?? null });
  const isOwn = shared && ((id: string) => shared.hasValidLease(id));
  const archive = archiveFor(kubernetesConfig, directory, log, isOwn);
  const launcher = new KubernetesLauncher({
    config: kubernetesConfig,
    archive,
    kubeConfig,
    directory,
    evidence,
    knownClusters: await installation.clusters(),
    secretOf: (cluster, purpose) => tokens.secretOf(cluster, purpose),
    log,
    ...(shared && { notes: shared.notes, hasValidLease: id => shared.hasValidLease(id) })
  });
  return {
    launcher,
    waitsFor: `the Kubernetes API server at ${kubeConfig.getCurrentCluster()?.server ?? 'an unknown address'}`,
    open: () => launcher.open(),
    figures: [...launcher.figures(), ...(archive ? archiveMetrics(archive) : [])],
    notebooks: kubernetesConfig.notebooks
      ? new NotebookPods(kubeConfig, kubernetesConfig.notebooks, log)
      : null,
    spares: {
      targets: kubernetesConfig.spares.map(({ shape = config.defaultShape, count }) => ({
        shape,
        count
      })),
      waitForJupyter: false,
      // Notebooks compute on other nodes.
      waitForQuiet: false
    },
    place: declared => Promise.resolve(sharePath(kubernetesConfig, declared)),
    async close() {
      await launcher.close();
      await archive?.close();
      await evidence.close();
    }
  };
}
