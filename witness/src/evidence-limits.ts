const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/**
 * Most bytes that are read of each file in a cluster's directory. User code runs in the driver and can write to all of
 * them, so whoever reads one (witness, server) stops there. A million tasks make about 2 GiB of events.
 */
const FILE_BYTES: Readonly<Record<string, number>> = {
  'live.jsonl': 2 * GIB,
  'driver.log': 256 * MIB,
  'shares.jsonl': 4 * MIB,
  ready: MIB,
  'driver.exit': 4 * KIB,
  executors: 4 * KIB,
  'executors.state': 4 * KIB
};
/** Spark's own event logs hold the same events as `live.jsonl`; one cluster may have several parts. */
const EVENT_LOG_BYTES = 2 * GIB;
/** Most files in `eventlog` that are listed of one cluster. */
export const MAX_EVENT_LOGS = 500;

/** The files of a cluster's directory itself that may be read; the event logs lie in `eventlog`. */
export const CLUSTER_FILES: readonly string[] = Object.keys(FILE_BYTES);

/** Most bytes that are read of a file of a cluster's directory; later ones are not read. */
export function maxFileBytes(path: string): number {
  return FILE_BYTES[path] ?? EVENT_LOG_BYTES;
}
