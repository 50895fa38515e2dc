import type {
  V1Pod,
  V1PodSpec,
  V1ResourceRequirements,
  V1SecurityContext,
  V1Volume,
  V1VolumeMount
} from '@kubernetes/client-node';
import type { ClusterSpec } from '../../launcher.js';
import { MOUNTED, OPTIONS_ANNOTATION } from './names.js';
import type { KubernetesConfig, Option } from '../kubernetes-config.js';
import type { Mounts } from './share-volumes.js';

/** The `restricted` Pod Security Standard, for a container. */
export const RESTRICTED: V1SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] }
};

/** What drivers and executors have in common. */
export function podBasics(config: KubernetesConfig): Partial<V1PodSpec> {
  const { placement, security, image } = config;
  return {
    restartPolicy: 'Never',
    // Spark uses the API server; it does not need environment variables for each Service of the namespace.
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: security.runAsUser,
      runAsGroup: security.runAsUser,
      // No fsGroup: it would change the owner of each file of a share.
      ...(security.supplementalGroups.length > 0 && {
        supplementalGroups: security.supplementalGroups
      }),
      seccompProfile: { type: 'RuntimeDefault' }
    },
    ...(image.pullSecrets.length > 0 && {
      imagePullSecrets: image.pullSecrets.map(name => ({ name }))
    }),
    ...(Object.keys(placement.nodeSelector).length > 0 && { nodeSelector: placement.nodeSelector }),
    ...(placement.tolerations.length > 0 && { tolerations: placement.tolerations }),
    ...(placement.priorityClass && { priorityClassName: placement.priorityClass }),
    ...(placement.scheduler && { schedulerName: placement.scheduler })
  };
}

/** An emptyDir on the node's disk; a pod that writes more to it is evicted. */
export function limitedEmptyDir(name: string, sizeMiB: number): V1Volume {
  return { name, emptyDir: { sizeLimit: `${sizeMiB}Mi` } };
}

/** Writable volumes: the root file system is read-only. */
export function writableMounts({ volumeLimits }: KubernetesConfig): Mounts {
  return {
    volumes: ['tmp', 'work'].map(name => limitedEmptyDir(name, volumeLimits.temporaryMiB)),
    mounts: [
      { name: 'tmp', mountPath: MOUNTED.temporary },
      { name: 'work', mountPath: MOUNTED.work }
    ]
  };
}

/** The Secret's files, or some of them. Only our own containers mount it, so the files may be readable by all. */
export function secretMount(name: string, keys?: readonly string[]): Mounts {
  return {
    volumes: [
      {
        name: 'secret',
        secret: {
          secretName: name,
          defaultMode: 0o444,
          ...(keys && { items: keys.map(key => ({ key, path: key })) })
        }
      }
    ],
    mounts: [{ name: 'secret', mountPath: MOUNTED.secret, readOnly: true }]
  };
}

export function joined(...all: readonly Mounts[]): {
  volumes: V1Volume[];
  volumeMounts: V1VolumeMount[];
} {
  return {
    volumes: all.flatMap(({ volumes }) => volumes),
    volumeMounts: all.flatMap(({ mounts }) => mounts)
  };
}

export function sameMemory(
  memoryMiB: number,
  cpu: { request: string; limit?: string | undefined }
): V1ResourceRequirements {
  // Where pods may use more memory than they request, the node kills one of them under memory pressure.
  const memory = `${memoryMiB}Mi`;
  return {
    requests: { memory, cpu: cpu.request },
    limits: { memory, ...(cpu.limit && { cpu: cpu.limit }) }
  };
}

/** The options of a driver's cluster, as far as they are still offered. */
export function optionsOf({ metadata }: V1Pod, config: KubernetesConfig): Option[] {
  const names = JSON.parse(metadata?.annotations?.[OPTIONS_ANNOTATION] ?? '[]') as string[];
  return names.flatMap(name => config.options[name] ?? []);
}

/** The options of a cluster. Throws for one that the operator does not offer. */
export function chosenOptions(spec: ClusterSpec, config: KubernetesConfig): Option[] {
  return (spec.options ?? []).map(name => {
    const option = config.options[name];
    if (option) return option;
    const offered = Object.keys(config.options).join(', ') || 'none';
    throw new Error(`There is no option "${name}" here. Offered are: ${offered}.`);
  });
}
