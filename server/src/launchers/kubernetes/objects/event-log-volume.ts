import type { V1Volume } from '@kubernetes/client-node';
import { MOUNTED } from './names.js';
import type { EventLogVolume, KubernetesConfig } from '../kubernetes-config.js';
import type { Mounts } from './share-volumes.js';

const VOLUME = 'event-log';

/**
 * The volume on which event logs outlive their pods, in the place of the folder of event logs of the cluster's directory.
 * Logs of all clusters lie side by side there, as Spark's History Server wants them; the witness hands out those of its own.
 * @param readOnly for those who only read
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
  // A folder that is made for it would be root's, and nobody could write into it.
  if ('hostPath' in volume) return { hostPath: { path: volume.hostPath, type: 'Directory' } };
  return { nfs: volume.nfs };
}
