import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readPod, type Observation } from '@aglais/diagnosis';
import type { ClusterOption, Shape } from '@aglais/protocol';
import type { KubeConfig, V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import type { Metric } from '../../metrics.js';
import { exists } from '../../store/files.js';
import type { Need, Capacity } from '../capacity.js';
import { logTail, readText, shareProblem } from '../cluster-directory.js';
import { replayEvidence } from '../../evidence/follow-files.js';
import {
  TransientLauncherError,
  type ClusterSpec,
  type EvidenceSink,
  type Launcher,
  type ObservedCluster,
  type Resized
} from '../launcher.js';
import type { EventLogArchive } from './archive/event-log-archive.js';
import { errorMessage, isTransient, retryAfterOf } from './api/api-errors.js';
import { authorityOf, makeCertificate } from './objects/certificates.js';
import { ClusterApi } from './api/cluster-api.js';
import { NoteFiles, type ClusterNotes } from './cluster-notes.js';
import { ownership } from './api/ownership.js';
import { ObjectCache, type ClusterObjects } from './api/object-cache.js';
import { explainPodEnd } from './driver-pod-end.js';
import type { Witness } from './evidence/witness-client.js';
import {
  objectName,
  PORTS,
  SPARK_SECRET,
  WITNESS_CONTAINER,
  type ClusterSecrets
} from './objects/names.js';
import { Nodes } from './capacity/nodes.js';
import type { ClusterEvidence } from './evidence/cluster-evidence.js';
import { chosenOptions, optionsOf } from './objects/container-settings.js';
import type { KubernetesConfig } from './kubernetes-config.js';
import { namespaceOf } from './objects/user-namespace.js';
import { hasEnded, isUnplaced } from './pod-state.js';
import { ClusterRemoval } from './cluster-removal.js';
import { shapeOf } from './objects/shape-annotation.js';
import { ClusterResizer, RESIZE_IN_PLACE } from './resize/cluster-resizer.js';
import { driverSize, executorSize } from './capacity/pod-size.js';
import { watchMetrics } from './api/watch-metrics.js';
import {
  driverWaitsFor,
  executorsWaitFor,
  type Free,
  type Waiting,
  type WatchedPod
} from './waiting.js';

/** How long the watch may lag behind the last request, ms. */
const SEEN_MS = 10_000;
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
  private readonly authorities = new Map<string, Promise<string>>();
  private readonly prepared = new Map<string, Promise<void>>();
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
      witness: id => this.witness(id, this.world.of(id)?.driver ?? null),
      waiting: (id, objects) => this.executorsWaitFor(id, objects)
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
    try {
      await this.make(spec, namespace);
    } catch (error) {
      if (!isTransient(error)) throw new Error(refusal(error), { cause: error });
      throw new TransientLauncherError(errorMessage(error), retryAfterOf(error), { cause: error });
    }
    // A concurrent stop may have deleted less than exists now.
    if ((await this.notes.read(id)).stopped) await this.removal.remove(id, namespace);
  }

  private async make(spec: ClusterSpec, namespace: string): Promise<void> {
    const { id } = spec;
    if (this.options.config.prepare) await this.prepare(namespace);
    if (!this.hasValidLease(id)) return;
    const root = await this.calls.root(spec, namespace);
    if (root.metadata?.deletionTimestamp) return;
    const secrets = await this.secretsOf(spec, namespace);
    // A server that was frozen meanwhile finds that another one continues. If it freezes exactly here, its driver waits
    // in vain for the ConfigMap of a deleted cluster, and is removed as an orphan.
    if (!this.hasValidLease(id)) return;
    await this.calls.rest(spec, namespace, root, secrets);
    await this.notes.noteBegun(id);
    // From here on the caller can observe it.
    await this.world.until(() => Boolean(this.world.of(id)?.driver), SEEN_MS);
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
    this.authorities.delete(id);
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
    const objects = this.world.of(id);
    if (!objects && !(await this.isUnseen(id))) return null;
    const base: Omit<ObservedCluster, 'state'> = {
      id,
      url: null,
      ca: null,
      waitingFor: null,
      advice: null,
      exit: null,
      shareProblems: []
    };
    const directory = this.directory(id);
    if (!objects) return { ...base, state: 'starting', waitingFor: 'news of the driver' };
    const { driver } = objects;
    if (!driver) {
      if (!(await this.notes.read(id)).begun)
        return { ...base, state: 'interrupted', waitingFor: 'the driver' };
      return (await this.isUnseen(id))
        ? { ...base, state: 'starting', waitingFor: 'news of the driver' }
        : { ...base, state: 'exited', exit: explainPodEnd(null, null, '') };
    }
    const pod = readPod({ ...driver }, objectName(id))!;
    if (hasEnded(driver)) {
      const code = await readText(join(directory, 'driver.exit'));
      const words = await logTail(join(directory, 'driver.log'));
      const exit = explainPodEnd(pod, code === null ? null : Number(code), words);
      return { ...base, state: 'exited', exit };
    }
    const shape = shapeOf(driver);
    const ready = await this.evidence.ready(id);
    const address = driver.status?.podIP;
    if (ready && address) {
      const waiting = await this.executorsWaitFor(id, objects);
      return {
        ...base,
        state: 'ready',
        shape,
        shortfall: this.resizing.shortfall(objects),
        unplaced: objects.executors.some(isUnplaced),
        url: `sc://${this.host(objects, address, id)}:${PORTS.connect}`,
        ca: await this.authority(id),
        waitingFor: waiting?.for ?? null,
        advice: waiting?.advice ?? null,
        shareProblems: ready.problems.map(shareProblem)
      };
    }
    const booted = await exists(join(directory, 'live.jsonl'));
    const waiting = driverWaitsFor(
      this.watched(driver, driverSize(shape, this.options.config)),
      booted,
      await this.freeIfAsked(id, objects, 'drivers')
    );
    const { for: waitingFor, advice } = waiting;
    return { ...base, state: 'starting', unplaced: isUnplaced(driver), waitingFor, advice };
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

  /**
   * Whether there is a driver that the watch has not reported: it may have been silent for minutes, and another server
   * may have created the driver. Checked before a cluster counts as gone, because a cluster that is gone is cleaned up.
   */
  private async isUnseen(id: string): Promise<boolean> {
    const { namespace, begun, stopped } = await this.notes.read(id);
    if (namespace === null || !begun || stopped) return false;
    const pods = await this.calls.podsOf(id, namespace);
    return pods.some(pod => pod.metadata?.name === objectName(id) && !hasEnded(pod));
  }

  private directory(id: string): string {
    return join(this.options.directory, id);
  }

  private host({ namespace }: ClusterObjects, address: string, id: string): string {
    if (this.options.config.reach === 'service') return `${objectName(id)}.${namespace}.svc`;
    return bracketed(address);
  }

  private async executorsWaitFor(id: string, objects: ClusterObjects): Promise<Waiting | null> {
    const { driver, executors } = objects;
    if (!driver) return null;
    const needs = executorSize(shapeOf(driver), this.options.config);
    const starting = executors.filter(({ status }) => (status?.phase ?? 'Pending') === 'Pending');
    const watched = starting.map(pod => this.watched(pod, needs));
    return executorsWaitFor(watched, await this.freeIfAsked(id, objects, 'executors'));
  }

  private watched(pod: V1Pod, needs: Need): WatchedPod {
    const name = pod.metadata?.name ?? '';
    const events = this.world.eventsOf(pod.metadata?.uid ?? '');
    return { pod: readPod({ ...pod }, name)!, events, needs };
  }

  /** The nodes are only read while a pod is unschedulable; findings refer to what was read. */
  private async freeIfAsked(
    id: string,
    { driver, executors }: ClusterObjects,
    who: 'drivers' | 'executors'
  ): Promise<Free> {
    const unplaced = (who === 'drivers' ? [driver] : executors).some(pod => pod && isUnplaced(pod));
    if (!driver || !unplaced) return null;
    const options = optionsOf(driver, this.options.config);
    const free = await this.nodes.free(who, options).catch(() => null);
    if (free)
      this.evidence.capacity(id, { kind: 'capacity', at: Date.now(), ...free, ref: 'nodes' });
    return free;
  }

  private async secretsOf(spec: ClusterSpec, namespace: string): Promise<ClusterSecrets> {
    const { id, token } = spec;
    const { secretOf } = this.options;
    const service = `${objectName(id)}.${namespace}.svc`;
    const certificate = await makeCertificate(secretOf(id, 'authority'), [
      objectName(id),
      service,
      `${service}.cluster.local`
    ]);
    return {
      'tls.crt': certificate.certificate,
      'tls.key': certificate.key,
      'ca.crt': certificate.authority,
      token,
      'witness-token': secretOf(id, 'witness'),
      [SPARK_SECRET]: secretOf(id, 'spark')
    };
  }

  private authority(id: string): Promise<string> {
    const known = this.authorities.get(id) ?? authorityOf(this.options.secretOf(id, 'authority'));
    this.authorities.set(id, known);
    return known;
  }

  private async prepare(namespace: string): Promise<void> {
    const preparing = this.prepared.get(namespace) ?? this.calls.prepare(namespace);
    this.prepared.set(namespace, preparing);
    // The next start retries.
    preparing.catch(() => this.prepared.delete(namespace));
    await preparing;
  }

  private changed(cluster: string): void {
    for (const onChange of this.watchers) onChange(cluster);
  }

  private podSeen(cluster: string, pod: V1Pod): void {
    this.evidence.pod(cluster, pod);
    this.changed(cluster);
    this.witness(cluster, pod)
      .then(witness => witness && this.evidence.mirror(cluster, witness))
      .catch((error: unknown) =>
        this.options.log.error({ err: error, cluster }, 'evidence is not mirrored')
      );
  }

  /** How to reach the witness in a driver's pod; null while it is not running. */
  private async witness(cluster: string, pod: V1Pod | null): Promise<Witness | null> {
    const address = pod?.status?.podIP;
    const container = pod?.status?.initContainerStatuses?.find(
      ({ name }) => name === WITNESS_CONTAINER
    );
    if (!address || !container?.state?.running) return null;
    return {
      url: `https://${bracketed(address)}:${PORTS.witness}`,
      token: this.options.secretOf(cluster, 'witness'),
      ca: await this.authority(cluster)
    };
  }
}

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address);

/** The API server's refusal, for the user who requested the cluster. */
function refusal(error: unknown): string {
  const words = errorMessage(error);
  if (/exceeded quota/.test(words)) {
    return `the quota of the namespace is used up (${words}). Stop a Spark that you do not need, or ask for a smaller one.`;
  }
  if (/violates PodSecurity/.test(words)) {
    return `the namespace does not admit its pods (${words}). Ask the operator: volumes of kind hostPath or nfs need a weaker level than "restricted".`;
  }
  if (/namespaces .* not found/.test(words)) {
    return `${words}. Ask the operator to make it, or to set "prepare" in the Kubernetes configuration file.`;
  }
  return `Kubernetes refused: ${words}`;
}
