import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { MountedShares } from '@aglais/witness/share-reports';
import type { ClusterSpec } from '../launcher.js';
import { MOUNTED } from './names.js';
import type { KubernetesPolicy, Scratch, ShareVolume } from './policy.js';

/** Volumes and where they are mounted, as a pod's specification has them. */
export interface Mounts {
  volumes: V1Volume[];
  mounts: V1VolumeMount[];
}

/**
 * The data of the shares, read-only. A claim is marked read-only where it is mounted and not where it is claimed: Manila's
 * ReadWriteMany claims cannot be attached as ReadOnlyMany.
 */
export function shareMounts(policy: KubernetesPolicy): Mounts {
  return {
    volumes: policy.volumes.map(volume => ({ name: volumeName(volume), ...sourceOf(volume) })),
    mounts: policy.volumes.map(volume => ({
      name: volumeName(volume),
      mountPath: volume.mountPath,
      readOnly: true,
      ...(volume.subPath && { subPath: volume.subPath })
    }))
  };
}

/** Which shares are on each volume; one that nobody declared a share on goes by its own name. */
export function mountedShares(
  { shares = [] }: ClusterSpec,
  { volumes }: KubernetesPolicy
): MountedShares[] {
  return volumes.map(({ name, mountPath }) => {
    const on = shares.filter(({ path }) => `${path}/`.startsWith(`${mountPath}/`));
    return { shares: on.length > 0 ? on.map(({ id }) => id) : [name], path: mountPath };
  });
}

const volumeName = ({ name }: ShareVolume) => `share-${name}`;

function sourceOf({ source }: ShareVolume): Omit<V1Volume, 'name'> {
  if ('claim' in source) return { persistentVolumeClaim: { claimName: source.claim } };
  // A path that is not there must be an error of the mount, not an empty folder that is made for it.
  if ('hostPath' in source) return { hostPath: { path: source.hostPath, type: 'Directory' } };
  return { nfs: { ...source.nfs, readOnly: true } };
}

/** Spark takes volumes of this name for its scratch instead of making one (`LocalDirsFeatureStep`). */
const SCRATCH = 'spark-local-dir-1';

/** Scratch that is made with the pod and gone with it. */
export function scratchMounts(scratch: Scratch): Mounts {
  return {
    volumes: [{ name: SCRATCH, ...scratchSource(scratch) }],
    mounts: [{ name: SCRATCH, mountPath: MOUNTED.scratch }]
  };
}

function scratchSource(scratch: Scratch): Omit<V1Volume, 'name'> {
  switch (scratch.kind) {
    case 'disk':
      return { emptyDir: scratch.sizeMiB ? { sizeLimit: `${scratch.sizeMiB}Mi` } : {} };
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

/** The keys to the object store: in the environment, which is not shown where only its reference is described. */
export function objectStoreEnvironment({ objectStore }: KubernetesPolicy): V1EnvVar[] {
  if (!objectStore?.secret) return [];
  const { secret } = objectStore;
  return ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].map(name => ({
    name,
    valueFrom: { secretKeyRef: { name: secret, key: name } }
  }));
}

/** Hadoop's properties for S3A (hadoop-aws, "Connecting to an S3 store"). */
export function objectStoreProperties({ objectStore }: KubernetesPolicy): Record<string, string> {
  if (!objectStore) return {};
  const provider = objectStore.secret
    ? 'software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider'
    : 'org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider';
  return {
    'spark.hadoop.fs.s3a.aws.credentials.provider': provider,
    'spark.hadoop.fs.s3a.path.style.access': String(objectStore.pathStyle),
    // A store that does not answer is to be an error within a minute, not a job that hangs.
    'spark.hadoop.fs.s3a.connection.establish.timeout': '5s',
    'spark.hadoop.fs.s3a.connection.timeout': '30s',
    'spark.hadoop.fs.s3a.attempts.maximum': '3',
    ...(objectStore.endpoint && { 'spark.hadoop.fs.s3a.endpoint': objectStore.endpoint }),
    ...(objectStore.region && { 'spark.hadoop.fs.s3a.endpoint.region': objectStore.region })
  };
}

/** Where the data of a share are in the pods. */
export function sharePath(
  policy: KubernetesPolicy,
  share: { id: string; path: string }
): { path: string; problem: string | null } {
  const declared = policy.sharePaths[share.id] ?? share.path;
  const path = declared.replaceAll('${AGLAIS_DATA}', policy.dataDirectory);
  if (/^[a-z0-9]+:\/\//.test(path)) return { path, problem: null };
  const mounted = policy.volumes.some(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`));
  const problem = mounted
    ? null
    : `The share ${share.id} is at ${path}, where the pods have no volume. Add one to "volumes" in the policy for ` +
      `Kubernetes, or say by "sharePaths" where its data are. Other shares can be used.`;
  return { path, problem };
}
