const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/**
 * Maximum number of bytes that are read from each file in a cluster's directory. User code runs in the driver and can
 * write to all of them, so each reader (witness, server) stops there. A million tasks write about 2 GiB of events.
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
/** Spark's own event logs contain the same events as `live.jsonl`; one cluster may have several parts. */
const EVENT_LOG_BYTES = 2 * GIB;
/** Maximum number of files in `eventlog` that are listed for one cluster. */
export const MAX_EVENT_LOGS = 500;

/** The readable files of a cluster's directory itself; event logs are in `eventlog`. */
export const CLUSTER_FILES: readonly string[] = Object.keys(FILE_BYTES);

/** Maximum number of bytes that are read from a file of a cluster's directory. */
export function maxFileBytes(path: string): number {
  return FILE_BYTES[path] ?? EVENT_LOG_BYTES;
}
