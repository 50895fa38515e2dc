import type { Logger } from 'pino';
import type { Metric } from '../../../metrics.js';
import type { KubernetesConfig } from '../kubernetes-config.js';
import { bucketOf } from './bucket.js';
import { EventLogArchive, type ArchiveFigures } from './event-log-archive.js';

/**
 * The archive that the configuration asks for; null if it names no bucket.
 * @param isOwn whether this server looks after a cluster, where servers are several
 */
export function archiveFor(
  { eventLog }: KubernetesConfig,
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

/** Event logs on their way into the bucket, for operators. */
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
      name: 'aglais_event_log_bytes_waiting',
      help: 'What of them is not there',
      type: 'gauge',
      read: read('waitingBytes')
    },
    {
      name: 'aglais_event_log_refusals_total',
      help: 'How often the bucket took none',
      type: 'counter',
      read: read('failures')
    },
    {
      name: 'aglais_event_log_stored_bytes_total',
      help: 'What was put into it, compressed',
      type: 'counter',
      read: read('storedBytes')
    }
  ];
}
