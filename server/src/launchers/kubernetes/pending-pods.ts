import { readPod } from '@aglais/diagnosis';
import type { V1Pod } from '@kubernetes/client-node';
import type { Need } from '../capacity.js';
import type { ClusterObjects, ObjectCache } from './api/object-cache.js';
import type { Nodes } from './capacity/nodes.js';
import { driverSize, executorSize } from './capacity/pod-size.js';
import type { ClusterEvidence } from './evidence/cluster-evidence.js';
import type { KubernetesConfig } from './kubernetes-config.js';
import { optionsOf } from './objects/container-settings.js';
import { shapeOf } from './objects/shape-annotation.js';
import { isUnplaced } from './pod-state.js';
import {
  driverWaitsFor,
  executorsWaitFor,
  type Free,
  type Waiting,
  type WatchedPod
} from './waiting.js';

export interface PendingPodsParts {
  world: ObjectCache;
  nodes: Nodes;
  evidence: ClusterEvidence;
  config: KubernetesConfig;
}

/** What the pods of clusters are waiting for. */
export class PendingPods {
  constructor(private readonly parts: PendingPodsParts) {}

  /** @param booted its JVM has started to write events */
  async driver(id: string, objects: ClusterObjects, booted: boolean): Promise<Waiting> {
    const { driver } = objects;
    const watched = driver && this.watched(driver, driverSize(shapeOf(driver), this.parts.config));
    return driverWaitsFor(watched, booted, await this.free(id, objects, 'drivers'));
  }

  /** Null if no executor is delayed. */
  async executors(id: string, objects: ClusterObjects): Promise<Waiting | null> {
    const { driver, executors } = objects;
    if (!driver) return null;
    const needs = executorSize(shapeOf(driver), this.parts.config);
    const starting = executors.filter(({ status }) => (status?.phase ?? 'Pending') === 'Pending');
    const watched = starting.map(pod => this.watched(pod, needs));
    return executorsWaitFor(watched, await this.free(id, objects, 'executors'));
  }

  private watched(pod: V1Pod, needs: Need): WatchedPod {
    const name = pod.metadata?.name ?? '';
    const events = this.parts.world.eventsOf(pod.metadata?.uid ?? '');
    return { pod: readPod({ ...pod }, name)!, events, needs };
  }

  /** The nodes are only read while a pod is unschedulable; findings refer to what was read. */
  private async free(
    id: string,
    { driver, executors }: ClusterObjects,
    who: 'drivers' | 'executors'
  ): Promise<Free> {
    const { nodes, evidence, config } = this.parts;
    const unplaced = (who === 'drivers' ? [driver] : executors).some(pod => pod && isUnplaced(pod));
    if (!driver || !unplaced) return null;
    const free = await nodes.free(who, optionsOf(driver, config)).catch(() => null);
    if (free) evidence.capacity(id, { kind: 'capacity', at: Date.now(), ...free, ref: 'nodes' });
    return free;
  }
}
