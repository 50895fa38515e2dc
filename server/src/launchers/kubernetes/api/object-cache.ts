import type {
  CoreV1Event,
  KubeConfig,
  KubernetesObject,
  V1ConfigMap,
  V1Pod
} from '@kubernetes/client-node';
import { readPodEvent, type PodEventObservation } from '@aglais/diagnosis';
import type { Logger } from 'pino';
import { waitUntil } from '../../../wait-until.js';
import { ListWatch, type WatchTraffic } from './list-watch.js';
import { CLUSTER_LABEL, installationSelector, ROLE_LABEL } from '../objects/names.js';
import { perUser } from '../objects/user-namespace.js';
import type { Ownership } from './ownership.js';
import type { KubernetesConfig } from '../kubernetes-config.js';

/** Number of events that are kept per pod, the latest ones. */
const MAX_EVENTS = 20;
/** An event may arrive before its pod; it is kept this long, ms. */
const PENDING_MS = 60_000;

/** The current objects of one cluster. */
export interface ClusterObjects {
  namespace: string;
  root: V1ConfigMap | null;
  driver: V1Pod | null;
  executors: V1Pod[];
}

export interface ObjectCacheOptions {
  kubeConfig: KubeConfig;
  config: KubernetesConfig;
  owns: Ownership;
  log: Logger;
  onPod(cluster: string, pod: V1Pod): void;
  onEvent(cluster: string, event: CoreV1Event): void;
  /** An object of the cluster was deleted. */
  onRemoved(cluster: string): void;
}

/** A cache of all clusters of an installation, kept up to date by watches. */
export class ObjectCache {
  private readonly roots: ListWatch<V1ConfigMap>;
  private readonly pods: ListWatch<V1Pod>;
  private readonly events: ListWatch<CoreV1Event>;
  private readonly clusters = new Map<string, Map<string, V1ConfigMap | V1Pod>>();
  private readonly eventsByPod = new Map<string, PodEventObservation[]>();
  private readonly owners = new Map<string, string>();
  private readonly pendingEvents = new Map<string, { events: CoreV1Event[]; at: number }>();
  private readonly listeners = new Set<() => void>();
  private opened: Promise<void> | null = null;

  constructor(private readonly options: ObjectCacheOptions) {
    const { kubeConfig, config, log } = options;
    const labelSelector = installationSelector(config);
    const path = (kind: string) =>
      perUser(config) ? `/api/v1/${kind}` : `/api/v1/namespaces/${config.namespace}/${kind}`;
    const watched = {
      kubeConfig,
      labelSelector,
      log,
      onChange: (object: KubernetesObject) => this.put(object),
      onDelete: (object: KubernetesObject) => this.remove(object)
    };
    this.roots = new ListWatch<V1ConfigMap>({ ...watched, path: path('configmaps') });
    this.pods = new ListWatch<V1Pod>({
      ...watched,
      path: path('pods'),
      onChange: pod => {
        this.put(pod);
        this.podSeen(pod);
      },
      onDelete: pod => {
        // Its last status, which may not have been seen before.
        this.podSeen(pod);
        this.remove(pod);
      }
    });
    this.events = new ListWatch<CoreV1Event>({
      kubeConfig,
      log,
      path: path('events'),
      fieldSelector: 'involvedObject.kind=Pod',
      onChange: event => this.eventSeen(event)
    });
  }

  /** Resolves when all existing objects are known. */
  async open(): Promise<void> {
    this.opened ??= Promise.all([this.roots.open(), this.pods.open(), this.events.open()]).then(
      () => undefined
    );
    await this.opened;
  }

  async close(): Promise<void> {
    const opening = this.opened?.catch(() => undefined);
    await Promise.all([this.roots.close(), this.pods.close(), this.events.close()]);
    await opening;
  }

  /** Why the cache may be stale, for operators; null if it is not. */
  problem(): string | null {
    return this.roots.problem() ?? this.pods.problem() ?? this.events.problem();
  }

  /** Counters of all watches since the server started. */
  traffic(): WatchTraffic {
    const sum: WatchTraffic = { lists: 0, watches: 0, lines: 0, bytes: 0, failures: 0 };
    for (const { traffic } of [this.roots, this.pods, this.events])
      for (const key of Object.keys(sum) as (keyof WatchTraffic)[]) sum[key] += traffic[key];
    return sum;
  }

  /** Clusters with objects of this installation. */
  ids(): string[] {
    return [...this.clusters.keys()];
  }

  of(cluster: string): ClusterObjects | null {
    const objects = this.clusters.get(cluster);
    if (!objects) return null;
    const found: ClusterObjects = { namespace: '', root: null, driver: null, executors: [] };
    for (const object of objects.values()) {
      found.namespace = object.metadata!.namespace!;
      const role = object.metadata?.labels?.[ROLE_LABEL];
      if (role === 'driver') found.driver = object;
      else if (role === 'executor') found.executors.push(object);
      else found.root = object;
    }
    return found;
  }

  /** Events of a pod, the oldest first. */
  eventsOf(uid: string): readonly PodEventObservation[] {
    return this.eventsByPod.get(uid) ?? [];
  }

  /** Waits until `condition` holds for the cache; false if it does not in time. */
  until(condition: () => boolean, withinMs: number): Promise<boolean> {
    const subscribe = (onChange: () => void) => {
      this.listeners.add(onChange);
      return () => void this.listeners.delete(onChange);
    };
    return waitUntil(condition, subscribe, withinMs);
  }

  private put(object: KubernetesObject): void {
    const cluster = this.clusterOf(object);
    const uid = object.metadata?.uid;
    if (cluster === undefined || uid === undefined) return;
    const objects = this.clusters.get(cluster) ?? new Map<string, V1ConfigMap | V1Pod>();
    this.clusters.set(cluster, objects.set(uid, object));
    this.changed();
  }

  private remove(object: KubernetesObject): void {
    const cluster = this.clusterOf(object);
    const uid = object.metadata?.uid;
    if (cluster === undefined || uid === undefined) return;
    const objects = this.clusters.get(cluster);
    objects?.delete(uid);
    if (objects?.size === 0) this.clusters.delete(cluster);
    this.eventsByPod.delete(uid);
    this.owners.delete(uid);
    this.changed();
    this.options.onRemoved(cluster);
  }

  /** Undefined for objects of others. */
  private clusterOf(object: KubernetesObject): string | undefined {
    return this.options.owns(object) ? object.metadata?.labels?.[CLUSTER_LABEL] : undefined;
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  private podSeen(pod: V1Pod): void {
    const cluster = this.clusterOf(pod);
    const uid = pod.metadata?.uid;
    if (cluster === undefined || uid === undefined) return;
    this.owners.set(uid, cluster);
    this.options.onPod(cluster, pod);
    const pending = this.pendingEvents.get(uid);
    this.pendingEvents.delete(uid);
    for (const event of pending?.events ?? []) this.take(cluster, uid, event);
  }

  /** Events do not have our labels: they belong to the cluster of their pod. */
  private eventSeen(event: CoreV1Event): void {
    const uid = event.involvedObject.uid;
    if (uid === undefined) return;
    const cluster = this.owners.get(uid);
    if (cluster !== undefined) return this.take(cluster, uid, event);
    const now = Date.now();
    for (const [key, { at }] of this.pendingEvents)
      if (now - at > PENDING_MS) this.pendingEvents.delete(key);
    const waiting = this.pendingEvents.get(uid) ?? { events: [], at: now };
    if (waiting.events.length < MAX_EVENTS) waiting.events.push(event);
    this.pendingEvents.set(uid, waiting);
  }

  private take(cluster: string, uid: string, event: CoreV1Event): void {
    this.options.onEvent(cluster, event);
    const observation = readPodEvent({ ...event }, event.metadata.name ?? '');
    if (!observation) return;
    const all = [...(this.eventsByPod.get(uid) ?? []), observation];
    this.eventsByPod.set(uid, all.slice(-MAX_EVENTS));
    this.changed();
  }
}
