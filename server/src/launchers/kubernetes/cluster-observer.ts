import { join } from 'node:path';
import { readPod } from '@aglais/diagnosis';
import { exists } from '../../store/files.js';
import { logTail, readText, shareProblem } from '../cluster-directory.js';
import { NOT_READY, type ObservedCluster } from '../launcher.js';
import type { ClusterApi } from './api/cluster-api.js';
import type { ClusterObjects, ObjectCache } from './api/object-cache.js';
import { bracketed, type ClusterCredentials } from './cluster-credentials.js';
import type { ClusterNotes } from './cluster-notes.js';
import { explainPodEnd } from './driver-pod-end.js';
import type { ClusterEvidence } from './evidence/cluster-evidence.js';
import type { KubernetesConfig } from './kubernetes-config.js';
import { objectName, PORTS } from './objects/names.js';
import { shapeOf } from './objects/shape-annotation.js';
import type { PendingPods } from './pending-pods.js';
import { hasEnded, isUnplaced } from './pod-state.js';
import type { ClusterResizer } from './resize/cluster-resizer.js';

export interface ClusterObserverParts {
  world: ObjectCache;
  calls: ClusterApi;
  notes: ClusterNotes;
  evidence: ClusterEvidence;
  pending: PendingPods;
  resizing: ClusterResizer;
  credentials: ClusterCredentials;
  config: KubernetesConfig;
}

/** The state of a cluster, from its pods and from what its driver has written. */
export class ClusterObserver {
  constructor(private readonly parts: ClusterObserverParts) {}

  /** @param directory of the cluster's evidence */
  async observe(id: string, directory: string): Promise<ObservedCluster | null> {
    const { world, notes, evidence, pending, resizing, credentials } = this.parts;
    const objects = world.of(id);
    if (!objects && !(await this.isUnseen(id))) return null;
    const base = { ...NOT_READY, id };
    if (!objects) return { ...base, state: 'starting', waitingFor: 'news of the driver' };
    const { driver } = objects;
    if (!driver) {
      if (!(await notes.read(id)).begun)
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
    const ready = await evidence.ready(id);
    const address = driver.status?.podIP;
    if (ready && address) {
      const waiting = await pending.executors(id, objects);
      return {
        ...base,
        state: 'ready',
        shape,
        shortfall: resizing.shortfall(objects),
        unplaced: objects.executors.some(isUnplaced),
        url: `sc://${this.host(objects, address, id)}:${PORTS.connect}`,
        ca: await credentials.authority(id),
        waitingFor: waiting?.for ?? null,
        advice: waiting?.advice ?? null,
        shareProblems: ready.problems.map(shareProblem)
      };
    }
    const booted = await exists(join(directory, 'live.jsonl'));
    const { for: waitingFor, advice } = await pending.driver(id, objects, booted);
    return { ...base, state: 'starting', unplaced: isUnplaced(driver), waitingFor, advice };
  }

  /**
   * Whether there is a driver that the watch has not reported: it may have been silent for minutes, and another server
   * may have created the driver. Checked before a cluster counts as gone, because a cluster that is gone is cleaned up.
   */
  private async isUnseen(id: string): Promise<boolean> {
    const { namespace, begun, stopped } = await this.parts.notes.read(id);
    if (namespace === null || !begun || stopped) return false;
    const pods = await this.parts.calls.podsOf(id, namespace);
    return pods.some(pod => pod.metadata?.name === objectName(id) && !hasEnded(pod));
  }

  private host({ namespace }: ClusterObjects, address: string, id: string): string {
    if (this.parts.config.reach === 'service') return `${objectName(id)}.${namespace}.svc`;
    return bracketed(address);
  }
}
