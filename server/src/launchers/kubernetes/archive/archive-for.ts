import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import type { Metric } from '../../../metrics.js';
import type { KubernetesConfig } from '../kubernetes-config.js';
import { bucketOf } from './bucket.js';
import { EventLogArchive, type ArchiveFigures } from './event-log-archive.js';

/**
 * The archive according to the configuration; null if it names no bucket.
 * @throws if the client for buckets is not installed
 * @param isOwn whether this server holds the lease of a cluster, with several servers
 */
export function archiveFor(
  { eventLog }: KubernetesConfig,
  directory: string,
  log: Logger,
  isOwn: ((id: string) => boolean) | null = null
): EventLogArchive | null {
  if (!eventLog || !('bucket' in eventLog)) return null;
  requireClient();
  return new EventLogArchive({
    directory,
    bucket: bucketOf(eventLog.bucket),
    log,
    ...(isOwn && { isOwn })
  });
}

/** An optional dependency: it is large, and most installations have no bucket. */
export function requireClient(resolve = createRequire(import.meta.url).resolve): void {
  try {
    resolve('@aws-sdk/client-s3');
  } catch (error) {
    throw new Error(
      'The Kubernetes configuration file names a bucket for event logs, and the package @aws-sdk/client-s3 is not installed; ' +
        'nothing was started. Install it with "npm install --include=optional", or remove eventLog.bucket.',
      { cause: error }
    );
  }
}

/** Metrics of the upload of event logs. */
export function archiveMetrics(archive: Pick<EventLogArchive, 'figures'>): Metric[] {
  const read = (key: keyof ArchiveFigures) => () => archive.figures()[key];
  return [
    {
      name: 'aglais_event_logs_waiting',
      help: 'Event logs that should be in the bucket and are not yet',
      type: 'gauge',
      read: read('waitingLogs')
    },
    {
      name: 'aglais_event_log_waiting_bytes',
      help: 'Size of these event logs, uncompressed',
      type: 'gauge',
      read: read('waitingBytes')
    },
    {
      name: 'aglais_event_log_refusals_total',
      help: 'Failed uploads to the bucket',
      type: 'counter',
      read: read('failures')
    },
    {
      name: 'aglais_event_log_stored_bytes_total',
      help: 'Bytes uploaded to the bucket, compressed',
      type: 'counter',
      read: read('storedBytes')
    }
  ];
}
