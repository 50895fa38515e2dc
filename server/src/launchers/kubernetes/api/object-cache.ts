import type {
  CoreV1Event,
  KubeConfig,
  KubernetesObject,
  V1ConfigMap,
  V1Pod
} from '@kubernetes/client-node';
import { readPodEvent, type PodEventObservation } from '@aglais/diagnosis';
import type { Logger } from 'pino';
import { ListWatch, type WatchTraffic } from './list-watch.js';
import { CLUSTER_LABEL, installationLabels, ROLE_LABEL, selector } from '../objects/names.js';
import { perUser, type KubernetesConfig } from '../kubernetes-config.js';

/** Of each pod, how many of the latest events are kept. */
const EVENTS_KEPT = 20;
/** An event may come before the pod that it is about; then it is kept this long, ms. */
const EARLY_MS = 60_000;

/** What Kubernetes has of one cluster now. */
export interface ClusterObjects {
  namespace: string;
  root: V1ConfigMap | null;
  driver: V1Pod | null;
  executors: V1Pod[];
}

export interface ObjectCacheOptions {
  kubeConfig: KubeConfig;
  config: KubernetesConfig;
  log: Logger;
  onPod(cluster: string, pod: V1Pod): void;
  onEvent(cluster: string, event: CoreV1Event): void;
  /** An object of the cluster is gone. */
  onRemoved(cluster: string): void;
}

/** All clusters of an installation as the API server has them, kept up to date by watches. */
export class ObjectCache {
  private readonly roots: ListWatch<V1ConfigMap>;
  private readonly pods: ListWatch<V1Pod>;
  private readonly events: ListWatch<CoreV1Event>;
  private readonly clusters = new Map<string, Map<string, V1ConfigMap | V1Pod>>();
  private readonly said = new Map<string, PodEventObservation[]>();
  private readonly owners = new Map<string, string>();
  private readonly early = new Map<string, { events: CoreV1Event[]; at: number }>();
  private readonly listeners = new Set<() => void>();
  private opened: Promise<void> | null = null;

  constructor(private readonly options: ObjectCacheOptions) {
    const { kubeConfig, config, log } = options;
    const labelSelector = selector(installationLabels(config));
    const path = (kind: string) =>
      perUser(config) ? `/api/v1/${kind}` : `/api/v1/namespaces/${config.namespace}/${kind}`;
    const kept = {
      kubeConfig,
      labelSelector,
      log,
      onChange: (object: KubernetesObject) => this.keep(object),
      onDelete: (object: KubernetesObject) => this.drop(object)
    };
    this.roots = new ListWatch<V1ConfigMap>({ ...kept, path: path('configmaps') });
    this.pods = new ListWatch<V1Pod>({
      ...kept,
      path: path('pods'),
      onChange: pod => {
        this.keep(pod);
        this.podSeen(pod);
      },
      onDelete: pod => {
        // Its last status, which may never have been seen alive.
        this.podSeen(pod);
        this.drop(pod);
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

  /** Resolves once everything that exists is known. */
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

  /** Why what is known may be out of date, for operators; null if it is not. */
  problem(): string | null {
    return this.roots.problem() ?? this.pods.problem() ?? this.events.problem();
  }

  /** What it cost to know all this, since the server began. */
  traffic(): WatchTraffic {
    const sum: WatchTraffic = { lists: 0, watches: 0, lines: 0, bytes: 0, failures: 0 };
    for (const { traffic } of [this.roots, this.pods, this.events])
      for (const key of Object.keys(sum) as (keyof WatchTraffic)[]) sum[key] += traffic[key];
    return sum;
  }

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

  /** What was said of a pod, the oldest first. */
  eventsOf(uid: string): readonly PodEventObservation[] {
    return this.said.get(uid) ?? [];
  }

  /** Waits until `look` is true of what is known; false if it does not become so in time. */
  async until(look: () => boolean, withinMs: number): Promise<boolean> {
    if (look()) return true;
    return new Promise(resolve => {
      const done = (result: boolean): void => {
        clearTimeout(timer);
        this.listeners.delete(listener);
        resolve(result);
      };
      const listener = (): void => {
        if (look()) done(true);
      };
      const timer = setTimeout(() => done(look()), withinMs);
      this.listeners.add(listener);
    });
  }

  private keep(object: KubernetesObject): void {
    const cluster = object.metadata?.labels?.[CLUSTER_LABEL];
    const uid = object.metadata?.uid;
    if (cluster === undefined || uid === undefined) return;
    const objects = this.clusters.get(cluster) ?? new Map<string, V1ConfigMap | V1Pod>();
    this.clusters.set(cluster, objects.set(uid, object));
    this.changed();
  }

  private drop(object: KubernetesObject): void {
    const cluster = object.metadata?.labels?.[CLUSTER_LABEL];
    const uid = object.metadata?.uid;
    if (cluster === undefined || uid === undefined) return;
    const objects = this.clusters.get(cluster);
    objects?.delete(uid);
    if (objects?.size === 0) this.clusters.delete(cluster);
    this.said.delete(uid);
    this.owners.delete(uid);
    this.changed();
    this.options.onRemoved(cluster);
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  private podSeen(pod: V1Pod): void {
    const cluster = pod.metadata?.labels?.[CLUSTER_LABEL];
    const uid = pod.metadata?.uid;
    if (cluster === undefined || uid === undefined) return;
    this.owners.set(uid, cluster);
    this.options.onPod(cluster, pod);
    const early = this.early.get(uid);
    this.early.delete(uid);
    for (const event of early?.events ?? []) this.take(cluster, uid, event);
  }

  /** Events have no labels of ours: they are told from others' by the pod. */
  private eventSeen(event: CoreV1Event): void {
    const uid = event.involvedObject.uid;
    if (uid === undefined) return;
    const cluster = this.owners.get(uid);
    if (cluster !== undefined) return this.take(cluster, uid, event);
    const now = Date.now();
    for (const [key, { at }] of this.early) if (now - at > EARLY_MS) this.early.delete(key);
    const waiting = this.early.get(uid) ?? { events: [], at: now };
    if (waiting.events.length < EVENTS_KEPT) waiting.events.push(event);
    this.early.set(uid, waiting);
  }

  private take(cluster: string, uid: string, event: CoreV1Event): void {
    this.options.onEvent(cluster, event);
    const observation = readPodEvent({ ...event }, event.metadata.name ?? '');
    if (!observation) return;
    const all = [...(this.said.get(uid) ?? []), observation];
    this.said.set(uid, all.slice(-EVENTS_KEPT));
    this.changed();
  }
}
