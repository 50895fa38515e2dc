import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  LogRecords,
  readObservation,
  tail,
  type Line,
  type LogObservation,
  type ShareObservation
} from '@aglais/diagnosis';
import { SHARE_REPORTS } from '@aglais/witness/share-reports';
import type { EvidenceSink } from '../launchers/launcher.js';

/** After the last line of a driver's log this often is asked whether more will come. */
const WAIT_MS = 1_000;
/** The kernel tells of each change, as long as it does not have to tell of too many at once. */
const LOST_MS = 5_000;

export interface Until {
  /** Ends at once; what was written before may be unread then. */
  abort: AbortSignal;
  /** Nobody will write any more: ends when everything was read. Not needed if that is never known. */
  over?: AbortSignal;
}

/**
 * Each line of a file of the cluster's directory, from the first on and as it comes, with where it was read.
 * @param onRead told the number of bytes that were read and taken
 */
export async function followLines(
  directory: string,
  file: string,
  until: Until,
  take: (text: string, ref: string) => void | Promise<void>,
  onRead?: (bytes: number) => void
): Promise<void> {
  for await (const line of linesOf(join(directory, file), until)) {
    const taken = take(line.text, `${file}:${line.number}`);
    if (taken) await taken;
    onRead?.(line.end);
  }
}

/**
 * What the driver's own log says of its end, or of waiting in vain, is in no event: it is put on record, once.
 * @param living whether the driver may still write
 */
export async function followDriverLog(
  directory: string,
  until: Until,
  living: () => Promise<boolean>,
  record: (observation: LogObservation) => Promise<void>
): Promise<void> {
  const file = 'driver.log';
  const known = await recordedPlaces(directory);
  const records = new LogRecords(file);
  let waiting: NodeJS.Timeout | undefined;
  const keep = async (found: LogObservation | null): Promise<void> => {
    if (found && !known.has(found.ref)) await record(found);
  };
  // A record is complete when the next one begins; behind the last words of a driver there is none.
  const waitForTheEnd = (): void => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      void living()
        .then(more => (more ? waitForTheEnd() : keep(records.flush())))
        // The cluster was forgotten meanwhile.
        .catch(() => undefined);
    }, WAIT_MS);
  };
  try {
    for await (const line of linesOf(join(directory, file), until)) {
      await keep(records.push(line.text, line.number));
      waitForTheEnd();
    }
    if (until.over?.aborted && !until.abort.aborted) await keep(records.flush());
  } finally {
    clearTimeout(waiting);
  }
}

/** What was found at the shares where they are mounted is put on record, once. */
export async function followShareReports(
  directory: string,
  until: Until,
  record: (observation: ShareObservation) => Promise<void>
): Promise<void> {
  const known = await recordedPlaces(directory);
  await followLines(directory, SHARE_REPORTS, until, async (text, ref) => {
    const found = readObservation(text);
    // Users' code can write where it was written: of its words only such are taken.
    if (typeof found !== 'string' && found.kind === 'share' && !known.has(ref))
      await record({ ...found, ref });
  });
}

/** What is kept of a cluster that is over, from the first line to the last; its driver's own last words go on record first. */
export async function replayEvidence(
  directory: string,
  sink: EvidenceSink,
  record: (observation: LogObservation | ShareObservation) => Promise<void>
): Promise<void> {
  const until = { abort: new AbortController().signal, over: AbortSignal.abort() };
  const isThere = async (file: string) => (await sizeOf(join(directory, file))) > 0;
  if (await isThere('driver.log'))
    await followDriverLog(directory, until, () => Promise.resolve(false), record);
  if (await isThere(SHARE_REPORTS)) await followShareReports(directory, until, record);
  if (await isThere('live.jsonl'))
    await followLines(directory, 'live.jsonl', until, (text, ref) => sink.eventLine(text, ref));
  if (await isThere('evidence.jsonl'))
    await followLines(directory, 'evidence.jsonl', until, (text, ref) =>
      sink.evidenceLine(text, ref)
    );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0
  );
}

function linesOf(path: string, { abort, over }: Until): AsyncGenerator<Line> {
  const end = over && { over, ended: () => Promise.resolve(over.aborted) };
  return tail(path, { signal: abort, watchedPollMs: LOST_MS, ...end });
}

/** Lines of logs and reports that are on record already, by this server or an earlier one. */
async function recordedPlaces(directory: string): Promise<Set<string>> {
  const text = await readFile(join(directory, 'evidence.jsonl'), 'utf8').catch(() => '');
  const observations = text.split('\n').map(line => readObservation(line));
  return new Set(
    observations.flatMap(one =>
      typeof one !== 'string' && (one.kind === 'log' || one.kind === 'share') ? [one.ref] : []
    )
  );
}
