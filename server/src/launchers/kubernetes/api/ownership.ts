import type { KubernetesObject } from '@kubernetes/client-node';
import { CLUSTER_LABEL, INSTALLATION_ID_LABEL, INSTALLATION_LABEL } from '../objects/names.js';
import type { KubernetesConfig } from '../kubernetes-config.js';

/** Whether an object was created by this installation: no other object is shown, counted as ours, or deleted. */
export type Ownership = (object: KubernetesObject) => boolean;

/**
 * Another installation in the same Kubernetes may have the same name, so the id decides. Objects without an id are from
 * earlier versions.
 * @param known clusters that the database had when this server started
 */
export function ownership(
  { installation, installationId }: Pick<KubernetesConfig, 'installation' | 'installationId'>,
  known: ReadonlySet<string>
): Ownership {
  return ({ metadata }) => {
    const labels = metadata?.labels ?? {};
    const { [CLUSTER_LABEL]: cluster, [INSTALLATION_ID_LABEL]: id } = labels;
    if (cluster === undefined || labels[INSTALLATION_LABEL] !== installation) return false;
    if (installationId === undefined || id !== undefined) return id === installationId;
    return known.has(cluster);
  };
}
