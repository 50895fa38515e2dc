import type { Logger } from 'pino';
import type { KubernetesPolicy } from '../policy.js';
import { bucketOf } from './bucket.js';
import { EventLogArchive } from './event-log-archive.js';

/**
 * The archive that the policy asks for; null if it names no bucket.
 * @param isOwn whether this server looks after a cluster, where servers are several
 */
export function archiveFor(
  { eventLog }: KubernetesPolicy,
  directory: string,
  log: Logger,
  isOwn: ((id: string) => boolean) | null = null
): EventLogArchive | null {
  if (!eventLog || !('bucket' in eventLog)) return null;
  return new EventLogArchive({
    directory,
    bucket: bucketOf(eventLog.bucket),
    log,
    ...(isOwn && { isOwn })
  });
}
