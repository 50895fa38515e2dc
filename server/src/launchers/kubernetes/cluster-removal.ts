import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { errorMessage } from './api/api-errors.js';
import type { ClusterApi } from './api/cluster-api.js';
import type { EventLogArchive } from './archive/event-log-archive.js';
import type { ObjectCache } from './api/object-cache.js';
import { objectName } from './objects/names.js';
import type { ClusterEvidence } from './evidence/cluster-evidence.js';
import { hasEnded, isRunning } from './pod-state.js';
import type { KubernetesConfig } from './kubernetes-config.js';

/** After its grace period, a pod gets this long until it is force-deleted, ms. */
const NODE_MS = 15_000;
const FORCED_MS = 15_000;
const OBJECTS_MS = 30_000;
const STEP_MS = 100;
/** How long the end of a cluster waits for the upload of its event log; later it is uploaded in the background, ms. */
const ARCHIVE_MS = 5_000;
/** Spark labels executors whose end it has seen; a dead one without this label is kept this long, ms. */
const UNSEEN_MS = 30_000;
const SEEN_BY_SPARK = 'spark-exec-inactive';

export interface RemovalParts {
  world: ObjectCache;
  calls: ClusterApi;
  evidence: ClusterEvidence;
  archive: EventLogArchive | null;
  config: KubernetesConfig;
  log: Logger;
}

/** Removes clusters and dead executors without losing their evidence. */
export class ClusterRemoval {
  constructor(private readonly parts: RemovalParts) {}

  /** Stops the driver, fetches its last log lines, and deletes everything; resolves when it is gone. */
  async remove(id: string, namespace: string): Promise<void> {
    const { world, calls, evidence, archive, config } = this.parts;
    const name = objectName(id);
    const graceMs = config.stopSeconds * 1_000;
    // Its executors end with it; if they ended first, they would be reported as lost.
    await calls.deletePod(namespace, name, undefined);
    const ended = (): boolean => {
      const driver = world.of(id)?.driver;
      return !driver || (hasEnded(driver) && !isRunning(driver));
    };
    // If its node does not respond, only the timeout ends this.
    await world.until(ended, graceMs + NODE_MS);
    await evidence.ended(id);
    // Meanwhile the other objects are deleted.
    const archived = archive?.finish(id, ARCHIVE_MS);
    await calls.deleteObjects(id, namespace, OBJECTS_MS);
    await this.removePods(id, namespace, graceMs + NODE_MS);
    if (!(await world.until(() => !world.of(id), FORCED_MS))) {
      throw new Error(`Kubernetes does not say that ${name} is gone; it is asked again.`);
    }
    await archived;
  }

  /** Deletes pods until none is left: a driver may have created one just before its end. */
  private async removePods(id: string, namespace: string, withinMs: number): Promise<void> {
    const { calls } = this.parts;
    const begun = Date.now();
    const asked = new Set<string>();
    let forced = false;
    for (;;) {
      const pods = await calls.podsOf(id, namespace);
      if (pods.length === 0) return;
      const late = Date.now() - begun > withinMs;
      if (late && forced && Date.now() - begun > withinMs + FORCED_MS) {
        throw new Error(`Kubernetes does not let go of the pods of ${objectName(id)}.`);
      }
      for (const { metadata } of pods) {
        const uid = metadata!.uid!;
        if (asked.has(uid) && !(late && !forced)) continue;
        asked.add(uid);
        await calls.deletePod(namespace, metadata!.name!, uid, late ? 0 : undefined);
      }
      forced ||= late;
      await sleep(STEP_MS);
    }
  }

  /** Deletes dead executors when their end is recorded and known to Spark. */
  sweep(hasValidLease: (id: string) => boolean): void {
    const { world, calls, log } = this.parts;
    for (const id of world.ids().filter(hasValidLease)) {
      for (const pod of world.of(id)?.executors ?? []) {
        const { name, namespace, uid } = pod.metadata ?? {};
        if (!name || !namespace || !uid || !this.mayGo(id, pod)) continue;
        calls.deletePod(namespace, name, uid, 0).catch((error: unknown) => {
          log.debug({ pod: name, problem: errorMessage(error) }, 'a dead pod stays');
        });
      }
    }
  }

  private mayGo(id: string, { metadata, status }: V1Pod): boolean {
    if (status?.phase !== 'Failed' && status?.phase !== 'Succeeded') return false;
    if (metadata?.deletionTimestamp) return false;
    if (!this.parts.evidence.podRecorded(id, metadata!.uid!)) return false;
    const ends = (status.containerStatuses ?? []).map(
      ({ state }) => state?.terminated?.finishedAt ?? metadata?.creationTimestamp
    );
    const endedAt = Math.max(0, ...ends.map(at => new Date(at ?? 0).getTime()));
    return metadata?.labels?.[SEEN_BY_SPARK] === 'true' || Date.now() - endedAt > UNSEEN_MS;
  }
}
