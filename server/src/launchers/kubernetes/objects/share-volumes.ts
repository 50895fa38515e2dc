import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { MountedShares } from '@aglais/witness/share-reports';
import type { ClusterSpec } from '../../launcher.js';
import { MOUNTED } from './names.js';
import type { KubernetesConfig, Scratch, ShareVolume } from '../kubernetes-config.js';

/** Volumes and their mounts, for a pod's specification. */
export interface Mounts {
  volumes: V1Volume[];
  mounts: V1VolumeMount[];
}

/**
 * The data of the shares, read-only. A claim is marked read-only in the mount and not in the volume: Manila's
 * ReadWriteMany claims cannot be attached as ReadOnlyMany.
 */
export function shareMounts(config: KubernetesConfig): Mounts {
  return {
    volumes: config.volumes.map(volume => ({ name: volumeName(volume), ...sourceOf(volume) })),
    mounts: config.volumes.map(volume => ({
      name: volumeName(volume),
      mountPath: volume.mountPath,
      readOnly: true,
      ...(volume.subPath && { subPath: volume.subPath })
    }))
  };
}

/** Which shares are on each volume; a volume without a declared share goes by its own name. */
export function mountedShares(
  { shares = [] }: ClusterSpec,
  { volumes }: KubernetesConfig
): MountedShares[] {
  return volumes.map(({ name, mountPath }) => {
    const on = shares.filter(({ path }) => `${path}/`.startsWith(`${mountPath}/`));
    return { shares: on.length > 0 ? on.map(({ id }) => id) : [name], path: mountPath };
  });
}

const volumeName = ({ name }: ShareVolume) => `share-${name}`;

function sourceOf({ source }: ShareVolume): Omit<V1Volume, 'name'> {
  if ('claim' in source) return { persistentVolumeClaim: { claimName: source.claim } };
  // A missing path must be an error of the mount, not a new empty directory.
  if ('hostPath' in source) return { hostPath: { path: source.hostPath, type: 'Directory' } };
  return { nfs: { ...source.nfs, readOnly: true } };
}

/** Spark uses volumes with this name for scratch instead of creating one (`LocalDirsFeatureStep`). */
const SCRATCH = 'spark-local-dir-1';

/** Scratch that is created and deleted with the pod. */
export function scratchMounts(scratch: Scratch): Mounts {
  return {
    volumes: [{ name: SCRATCH, ...scratchSource(scratch) }],
    mounts: [{ name: SCRATCH, mountPath: MOUNTED.scratch }]
  };
}

function scratchSource(scratch: Scratch): Omit<V1Volume, 'name'> {
  switch (scratch.kind) {
    case 'disk':
      return { emptyDir: { sizeLimit: `${scratch.sizeMiB}Mi` } };
    case 'memory':
      return { emptyDir: { medium: 'Memory', sizeLimit: `${scratch.sizeMiB}Mi` } };
    case 'host':
      return { hostPath: { path: scratch.path, type: 'Directory' } };
    case 'volume':
      return {
        ephemeral: {
          volumeClaimTemplate: {
            spec: {
              accessModes: ['ReadWriteOnce'],
              ...(scratch.storageClass && { storageClassName: scratch.storageClass }),
              resources: { requests: { storage: `${scratch.sizeMiB}Mi` } }
            }
          }
        }
      };
  }
}

/**
 * Keys of the object store's Secret, and the environment variables with them in the pods. Not under AWS's own names:
 * Spark copies those into Hadoop's configuration, and that into the event log, unredacted (`SparkHadoopUtil`).
 */
const OBJECT_STORE_KEYS = {
  AWS_ACCESS_KEY_ID: 'AGLAIS_S3_ACCESS_KEY',
  AWS_SECRET_ACCESS_KEY: 'AGLAIS_S3_SECRET_KEY'
} as const;

/** The keys of the object store: in the environment, where describing a pod shows only the reference. */
export function objectStoreEnvironment({ objectStore }: KubernetesConfig): V1EnvVar[] {
  if (!objectStore?.secret) return [];
  const { secret } = objectStore;
  return Object.entries(OBJECT_STORE_KEYS).map(([key, name]) => ({
    name,
    valueFrom: { secretKeyRef: { name: secret, key } }
  }));
}

/** Hadoop's properties for S3A (hadoop-aws, "Connecting to an S3 store"). */
export function objectStoreProperties({ objectStore }: KubernetesConfig): Record<string, string> {
  if (!objectStore) return {};
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = OBJECT_STORE_KEYS;
  const s3a: Record<string, string> = {
    'path.style.access': String(objectStore.pathStyle),
    // An unreachable store must cause an error within seconds, one that does not respond within four times S3A's
    // minimum, not a job that hangs: by default S3A retries for many minutes. It retries by itself, so the SDK below it
    // does not.
    'connection.establish.timeout': '15s',
    'connection.timeout': '15s',
    'attempts.maximum': '0',
    'retry.limit': '3',
    ...(objectStore.secret
      ? {
          'aws.credentials.provider': 'org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider',
          // Hadoop substitutes the variable when it reads the property; a list of the properties shows only this text.
          'access.key': `\${env.${AWS_ACCESS_KEY_ID}}`,
          'secret.key': `\${env.${AWS_SECRET_ACCESS_KEY}}`
        }
      : {
          'aws.credentials.provider': 'org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider'
        }),
    ...(objectStore.endpoint && { endpoint: objectStore.endpoint }),
    ...(objectStore.region && { 'endpoint.region': objectStore.region })
  };
  return Object.fromEntries(
    Object.entries(s3a).map(([name, value]) => [`spark.hadoop.fs.s3a.${name}`, value])
  );
}

/** The path of a share's data in the pods. */
export function sharePath(
  config: KubernetesConfig,
  share: { id: string; path: string }
): { path: string; problem: string | null } {
  const declared = config.sharePaths[share.id] ?? share.path;
  const path = declared.replaceAll('${AGLAIS_DATA}', config.dataDirectory);
  if (/^[a-z0-9]+:\/\//.test(path)) return { path, problem: null };
  const mounted = config.volumes.some(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`));
  const problem = mounted
    ? null
    : `The share ${share.id} is at ${path}, where the pods have no volume. Add one to "volumes" in the config for ` +
      `Kubernetes, or say by "sharePaths" where its data are. Other shares can be used.`;
  return { path, problem };
}
