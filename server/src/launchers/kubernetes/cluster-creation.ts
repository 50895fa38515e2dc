import { TransientLauncherError, type ClusterSpec } from '../launcher.js';
import { errorMessage, isTransient, retryAfterOf } from './api/api-errors.js';
import type { ClusterApi } from './api/cluster-api.js';
import type { ObjectCache } from './api/object-cache.js';
import type { ClusterCredentials } from './cluster-credentials.js';
import type { ClusterNotes } from './cluster-notes.js';
import { startRefusal } from './start-refusal.js';

/** How long the watch may lag behind the last request, ms. */
const SEEN_MS = 10_000;

export interface ClusterCreationParts {
  world: ObjectCache;
  calls: ClusterApi;
  credentials: ClusterCredentials;
  notes: ClusterNotes;
  /** Whether the server creates namespaces and their accounts. */
  prepare: boolean;
  hasValidLease: (cluster: string) => boolean;
}

/** Creates the objects of clusters, in an order that an interruption at any point leaves safe. */
export class ClusterCreation {
  private readonly prepared = new Map<string, Promise<void>>();

  constructor(private readonly parts: ClusterCreationParts) {}

  /** @throws TransientLauncherError if it is worth another attempt, otherwise the refusal of the API server, for people */
  async create(spec: ClusterSpec, namespace: string): Promise<void> {
    try {
      await this.createObjects(spec, namespace);
    } catch (error) {
      if (!isTransient(error)) throw new Error(startRefusal(error), { cause: error });
      throw new TransientLauncherError(errorMessage(error), retryAfterOf(error), { cause: error });
    }
  }

  private async createObjects(spec: ClusterSpec, namespace: string): Promise<void> {
    const { world, calls, credentials, notes, prepare, hasValidLease } = this.parts;
    const { id } = spec;
    if (prepare) await this.prepareNamespace(namespace);
    if (!hasValidLease(id)) return;
    const root = await calls.root(spec, namespace);
    if (root.metadata?.deletionTimestamp) return;
    const secrets = await credentials.secretsOf(spec, namespace);
    // A server that was frozen meanwhile finds that another one continues. If it freezes exactly here, its driver waits
    // in vain for the ConfigMap of a deleted cluster, and is removed as an orphan.
    if (!hasValidLease(id)) return;
    await calls.rest(spec, namespace, root, secrets);
    await notes.noteBegun(id);
    // From here on the caller can observe it.
    await world.until(() => Boolean(world.of(id)?.driver), SEEN_MS);
  }

  private async prepareNamespace(namespace: string): Promise<void> {
    const preparing = this.prepared.get(namespace) ?? this.parts.calls.prepare(namespace);
    this.prepared.set(namespace, preparing);
    // The next start retries.
    preparing.catch(() => this.prepared.delete(namespace));
    await preparing;
  }
}
