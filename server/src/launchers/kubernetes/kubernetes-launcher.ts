import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Observation } from '@aglais/diagnosis';
import type { ClusterOption, Shape } from '@aglais/protocol';
import type { KubeConfig, V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import type { Metric } from '../../metrics.js';
import type { Capacity } from '../capacity.js';
import { replayEvidence } from '../../evidence/follow-files.js';
import {
  type ClusterSpec,
  type EvidenceSink,
  type Launcher,
  type ObservedCluster,
  type Resized
} from '../launcher.js';
import type { EventLogArchive } from './archive/event-log-archive.js';
import { ClusterCreation } from './cluster-creation.js';
import { ClusterCredentials } from './cluster-credentials.js';
import { ClusterApi } from './api/cluster-api.js';
import { NoteFiles, type ClusterNotes } from './cluster-notes.js';
import { ownership } from './api/ownership.js';
import { ObjectCache } from './api/object-cache.js';
import { Nodes } from './capacity/nodes.js';
import type { ClusterEvidence } from './evidence/cluster-evidence.js';
import { chosenOptions } from './objects/container-settings.js';
import type { KubernetesConfig } from './kubernetes-config.js';
import { namespaceOf } from './objects/user-namespace.js';
import { ClusterRemoval } from './cluster-removal.js';
import { ClusterResizer, RESIZE_IN_PLACE } from './resize/cluster-resizer.js';
import { watchMetrics } from './api/watch-metrics.js';
import { ClusterObserver } from './cluster-observer.js';
import { PendingPods } from './pending-pods.js';

/** Interval of the sweep for executors that are dead or whose limit is too low, ms. */
const SWEEP_MS = 1_000;

export interface KubernetesLauncherOptions {
  config: KubernetesConfig;
  kubeConfig: KubeConfig;
  /** It gets one directory per cluster. */
  directory: string;
  evidence: ClusterEvidence;
  /** The archive of event logs, if it is a bucket. */
  archive?: EventLogArchive | null;
  /** A secret of a cluster; the same for each call. */
  secretOf: (cluster: string, purpose: string) => string;
  /**
   * Clusters that the database had at the start: objects without the id of an installation may belong to one of them.
   */
  knownClusters?: ReadonlySet<string>;
  log: Logger;
  /** Where it is noted what must not be done again; files in `directory` for a single server. */
  notes?: ClusterNotes;
  /** Whether this server holds the lease of a cluster right now; always true for a single server. */
  hasValidLease?: (cluster: string) => boolean;
}

/**
 * Clusters as pods. What exists is what Kubernetes has; the directory of a cluster holds its evidence and two notes:
 * that its driver was started, and that it was stopped. Users' data never pass through here.
 */
export class KubernetesLauncher implements Launcher {
  readonly kind = 'kubernetes';
  readonly capabilities = { resizeInPlace: RESIZE_IN_PLACE };
  private readonly world: ObjectCache;
  private readonly calls: ClusterApi;
  private readonly nodes: Nodes;
  private readonly evidence: ClusterEvidence;
  private readonly credentials: ClusterCredentials;
  private readonly pending: PendingPods;
  private readonly creation: ClusterCreation;
  private readonly observer: ClusterObserver;
  private readonly watchers = new Set<(id: string) => void>();
  private readonly removal: ClusterRemoval;
  private readonly resizing: ClusterResizer;
  private readonly notes: ClusterNotes;
  private readonly hasValidLease: (cluster: string) => boolean;
  private readonly sweeping: NodeJS.Timeout;

  constructor(private readonly options: KubernetesLauncherOptions) {
    const { kubeConfig, config, log } = options;
    this.evidence = options.evidence;
    this.notes = options.notes ?? new NoteFiles(options.directory);
    this.hasValidLease = options.hasValidLease ?? (() => true);
    this.credentials = new ClusterCredentials(options.secretOf);
    const owns = ownership(config, options.knownClusters ?? new Set());
    this.calls = new ClusterApi(kubeConfig, config, owns);
    this.nodes = new Nodes(kubeConfig, config, owns, log);
    this.world = new ObjectCache({
      kubeConfig,
      config,
      owns,
      log,
      onPod: (cluster, pod) => this.podSeen(cluster, pod),
      onEvent: (cluster, event) => {
        this.evidence.event(cluster, event);
        this.changed(cluster);
      },
      onRemoved: cluster => this.changed(cluster)
    });
    const { world, nodes, evidence } = this;
    this.pending = new PendingPods({ world, nodes, evidence, config });
    const { calls, credentials, notes, hasValidLease } = this;
    this.creation = new ClusterCreation({
      ...{ world, calls, credentials, notes, hasValidLease },
      prepare: config.prepare
    });
    this.removal = new ClusterRemoval({
      world: this.world,
      calls: this.calls,
      evidence: this.evidence,
      archive: options.archive ?? null,
      config,
      log
    });
    this.resizing = new ClusterResizer({
      world: this.world,
      calls: this.calls,
      log,
      onShortfall: id => this.changed(id),
      witness: id => this.credentials.witness(id, this.world.of(id)?.driver ?? null),
      waiting: (id, objects) => this.pending.executors(id, objects)
    });
    const { pending, resizing } = this;
    this.observer = new ClusterObserver({
      ...{ world, calls, notes, evidence, pending, resizing, credentials, config }
    });
    this.sweeping = setInterval(() => {
      this.removal.sweep(this.hasValidLease);
      this.resizing.sweep(this.hasValidLease);
    }, SWEEP_MS);
    this.sweeping.unref();
  }

  /** Resolves when the existing objects are known; everything else waits for it. */
  async open(): Promise<void> {
    this.nodes.open();
    await this.world.open();
    this.options.archive?.open({
      exists: id => this.world.of(id) !== null,
      remove: id => this.removeDirectory(id)
    });
  }

  async close(): Promise<void> {
    clearInterval(this.sweeping);
    await Promise.all([this.world.close(), this.nodes.close()]);
  }

  problem(): string | null {
    return this.world.problem();
  }

  /** Counters of the watches, for metrics. */
  figures(): Metric[] {
    return [...watchMetrics(() => this.world.traffic()), ...this.nodes.metrics()];
  }

  offers(): readonly ClusterOption[] {
    return Object.entries(this.options.config.options).map(([name, { title, description }]) => ({
      ...{ name, title, description }
    }));
  }

  async capacity(options: readonly string[] = []): Promise<Capacity> {
    const { config } = this.options;
    return this.nodes.capacity(options.flatMap(name => config.options[name] ?? []));
  }

  async start(spec: ClusterSpec): Promise<void> {
    const { config } = this.options;
    const { id } = spec;
    // Refused before anything is created.
    chosenOptions(spec, config);
    await this.world.open();
    // A cluster that was stopped, or whose driver was started, is never started again.
    const noted = await this.notes.read(id);
    if (noted.stopped || noted.begun) return;
    if (this.world.of(id)?.driver) return;
    const namespace = namespaceOf(config, spec.user ?? 'user');
    await this.notes.noteNamespace(id, namespace);
    await this.creation.create(spec, namespace);
    // A concurrent stop may have deleted less than exists now.
    if ((await this.notes.read(id)).stopped) await this.removal.remove(id, namespace);
  }

  async stop(id: string): Promise<void> {
    await this.world.open();
    const known = this.world.of(id);
    const noted = await this.notes.read(id);
    const namespace = known?.namespace ?? noted.namespace;
    if (!namespace) return;
    // A later start finds this note.
    await this.notes.noteStopped(id);
    await this.removal.remove(id, namespace);
    // This includes how its pods ended: what is concluded next depends on all records.
    await this.evidence.flush(id);
  }

  async resize(id: string, shape: Shape): Promise<Resized> {
    await this.world.open();
    return this.resizing.resize(id, shape);
  }

  async forget(id: string): Promise<void> {
    this.credentials.forget(id);
    // A log that is not in the bucket yet is deleted when it is.
    if ((await this.options.archive?.evict(id)) ?? true) await this.removeDirectory(id);
  }

  private async removeDirectory(id: string): Promise<void> {
    await this.evidence.forget(id);
    await rm(this.directory(id), { recursive: true, force: true });
  }

  /** Another server has completed its end. */
  async over(id: string): Promise<void> {
    await this.evidence.abandon(id);
  }

  watch(onChange: (id: string) => void): () => void {
    this.watchers.add(onChange);
    return () => this.watchers.delete(onChange);
  }

  async list(): Promise<string[]> {
    await this.world.open();
    return this.world.ids();
  }

  async observe(id: string): Promise<ObservedCluster | null> {
    await this.world.open();
    return this.observer.observe(id, this.directory(id));
  }

  async follow(id: string, sink: EvidenceSink, abort: AbortSignal): Promise<void> {
    await this.evidence.follow(id, sink, abort);
  }

  async replay(id: string, sink: EvidenceSink): Promise<void> {
    await this.evidence.copied(id);
    await replayEvidence(this.directory(id), sink, found => this.record(id, found));
  }

  async record(id: string, observation: Observation): Promise<void> {
    await this.evidence.record(id, observation);
  }

  private directory(id: string): string {
    return join(this.options.directory, id);
  }

  private changed(cluster: string): void {
    for (const onChange of this.watchers) onChange(cluster);
  }

  private podSeen(cluster: string, pod: V1Pod): void {
    this.evidence.pod(cluster, pod);
    this.changed(cluster);
    this.credentials
      .witness(cluster, pod)
      .then(witness => witness && this.evidence.mirror(cluster, witness))
      .catch((error: unknown) =>
        this.options.log.error({ err: error, cluster }, 'evidence is not mirrored')
      );
  }
}
