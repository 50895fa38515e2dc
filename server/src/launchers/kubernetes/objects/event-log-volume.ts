import type { V1Volume } from '@kubernetes/client-node';
import { MOUNTED } from './names.js';
import type { EventLogVolume, KubernetesConfig } from '../kubernetes-config.js';
import type { Mounts } from './share-volumes.js';

const VOLUME = 'event-log';

/**
 * The volume that keeps event logs after their pods are gone, instead of the event log directory of the cluster. Logs
 * of all clusters are next to each other, as Spark's History Server needs them; the witness serves only its own
 * cluster's.
 * @param readOnly for containers that only read
 */
export function eventLogMount({ eventLog }: KubernetesConfig, readOnly = false): Mounts {
  if (!eventLog || 'bucket' in eventLog) return { volumes: [], mounts: [] };
  return {
    volumes: [{ name: VOLUME, ...sourceOf(eventLog) }],
    mounts: [
      {
        name: VOLUME,
        mountPath: `${MOUNTED.directory}/eventlog`,
        ...(readOnly && { readOnly }),
        ...(eventLog.subPath && { subPath: eventLog.subPath })
      }
    ]
  };
}

function sourceOf({ volume }: EventLogVolume): Omit<V1Volume, 'name'> {
  if ('claim' in volume) return { persistentVolumeClaim: { claimName: volume.claim } };
  // A directory created by the kubelet would belong to root, and Spark could not write to it.
  if ('hostPath' in volume) return { hostPath: { path: volume.hostPath, type: 'Directory' } };
  return { nfs: volume.nfs };
}
