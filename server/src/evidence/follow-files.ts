import { join } from 'node:path';
import {
  LogRecords,
  readObservation,
  type Line,
  type LogObservation,
  type Observation,
  type ShareObservation
} from '@aglais/diagnosis';
import { SHARE_REPORTS } from '@aglais/witness/share-reports';
import type { EvidenceSink } from './evidence-sink.js';
import { limitReport, refOf, type LimitReached } from './limit-reports.js';
import { limitedLines, type Until } from './limited-lines.js';
import { MAX_OBSERVATIONS, readingLimits, type ReadingLimits } from './reading-limits.js';

export type { Until } from './limited-lines.js';

/** How often to check for more after the last line of a driver's log. */
const WAIT_MS = 1_000;

type RecordLog = (observation: LogObservation) => Promise<void>;

export interface FollowLinesOptions {
  /** Called with the number of bytes that were read and processed. */
  onRead?: (bytes: number) => void;
  /** Records once that a file is not read completely. */
  record?: RecordLog;
  limits?: ReadingLimits;
}

/** Each line of a file in the cluster's directory, from the start and as it is written, with its reference. */
export async function followLines(
  directory: string,
  file: string,
  until: Until,
  take: (text: string, ref: string) => void | Promise<void>,
  { onRead, record, limits = readingLimits(file) }: FollowLinesOptions = {}
): Promise<void> {
  const report = limitReporter(directory, file, record);
  for await (const line of linesOf(directory, file, until, limits, report)) {
    if (line.lost > 0) await report({ limit: 'line', number: line.number });
    else {
      const taken = take(line.text, `${file}:${line.number}`);
      if (taken) await taken;
    }
    onRead?.(line.end);
  }
}

/**
 * What the driver's own log says about its end, or about missing executors, is in no event: it is recorded once.
 * @param living whether the driver may still write
 */
export async function followDriverLog(
  directory: string,
  until: Until,
  living: () => Promise<boolean>,
  record: RecordLog,
  limits = readingLimits('driver.log')
): Promise<void> {
  const file = 'driver.log';
  const known = await recordedPlaces(directory);
  const report = limitReporter(directory, file, record);
  const records = new LogRecords(file);
  const recordNew = recorder(file, known, record, report);
  let waiting: NodeJS.Timeout | undefined;
  const keep = async (found: LogObservation | null): Promise<void> => {
    if (found) await recordNew(found);
  };
  // A record ends where the next one starts; the last one has none after it.
  const waitForTheEnd = (): void => {
    clearTimeout(waiting);
    if (!records.hasFinding) return;
    waiting = setTimeout(() => {
      void living()
        .then(more => (more ? waitForTheEnd() : keep(records.flush())))
        // The cluster was deleted meanwhile.
        .catch(() => undefined);
    }, WAIT_MS);
  };
  try {
    // The start of a line that is too long is enough.
    for await (const line of linesOf(directory, file, until, limits, report)) {
      await keep(records.push(line.text, line.number));
      waitForTheEnd();
    }
    if (until.over?.aborted && !until.abort.aborted) await keep(records.flush());
  } finally {
    clearTimeout(waiting);
  }
}

/** The state of the mounted shares is recorded once. */
export async function followShareReports(
  directory: string,
  until: Until,
  record: (observation: LogObservation | ShareObservation) => Promise<void>
): Promise<void> {
  const known = await recordedPlaces(directory);
  const report = limitReporter(directory, SHARE_REPORTS, record);
  const recordNew = recorder(SHARE_REPORTS, known, record, report);
  const take = async (text: string, ref: string): Promise<void> => {
    const found = readObservation(text);
    // User code can write to this file: only reports about shares are accepted.
    if (typeof found !== 'string' && found.kind === 'share') await recordNew({ ...found, ref });
  };
  await followLines(directory, SHARE_REPORTS, until, take, { record });
}

/**
 * The stored evidence of an ended cluster, from the first to the last line; the end of the driver's log is recorded
 * first.
 */
export async function replayEvidence(
  directory: string,
  sink: EvidenceSink,
  record: (observation: LogObservation | ShareObservation) => Promise<void>
): Promise<void> {
  const until = { abort: new AbortController().signal, over: AbortSignal.abort() };
  await followDriverLog(directory, until, () => Promise.resolve(false), record);
  await followShareReports(directory, until, record);
  const events = (text: string, ref: string): void => sink.eventLine(text, ref);
  await followLines(directory, 'live.jsonl', until, events, { record });
  await followLines(directory, 'evidence.jsonl', until, (text, ref) =>
    sink.evidenceLine(text, ref)
  );
}

type Report = (what: LimitReached) => Promise<void>;

function linesOf(
  directory: string,
  file: string,
  until: Until,
  limits: ReadingLimits,
  report: Report
): AsyncGenerator<Line> {
  const onFileLimit = () => report({ limit: 'file', bytes: limits.fileBytes });
  return limitedLines(join(directory, file), limits, until, onFileLimit);
}

/** Reports each limit of a file once, even if a previous server has recorded it. */
function limitReporter(directory: string, file: string, record?: RecordLog): Report {
  let known: Set<string> | null = null;
  return async what => {
    known ??= await recordedPlaces(directory);
    const ref = refOf(file, what);
    if (known.has(ref)) return;
    known.add(ref);
    await record?.(limitReport(file, what));
  };
}

/** Records what is not recorded yet, up to a maximum: a log that repeats itself must not fill the disk. */
function recorder<Found extends Observation & { ref: string }>(
  file: string,
  known: Set<string>,
  record: (found: Found) => Promise<void>,
  report: Report
): (found: Found) => Promise<void> {
  let count = [...known].filter(ref => ref.startsWith(`${file}:`)).length;
  return async found => {
    if (known.has(found.ref)) return;
    if (count >= MAX_OBSERVATIONS) return report({ limit: 'records', count });
    count += 1;
    await record(found);
  };
}

/** Lines of logs and reports that this server or a previous one has recorded. */
async function recordedPlaces(directory: string): Promise<Set<string>> {
  const file = 'evidence.jsonl';
  const places = new Set<string>();
  const until = { abort: new AbortController().signal, over: AbortSignal.abort() };
  const none = () => undefined;
  for await (const { text } of limitedLines(
    join(directory, file),
    readingLimits(file),
    until,
    none
  )) {
    const one = readObservation(text);
    if (typeof one !== 'string' && (one.kind === 'log' || one.kind === 'share'))
      places.add(one.ref);
  }
  return places;
}
