import {
  findLogs,
  observeEventLine,
  readLog,
  type Diagnosis,
  type LogSource
} from '@aglais/diagnosis';
import type { Unread } from '@aglais/protocol';

export interface FoundLogs {
  /** One for each application. */
  sources: LogSource[];
  /** Paths without a log, and why. */
  unread: Unread[];
}

export interface ReadOptions {
  /** Called from time to time with the bytes read from disk so far. */
  onProgress?: (bytes: number) => void;
}

/** The logs at these paths; a path that cannot be read does not affect the others. Never throws. */
export async function logsAt(paths: readonly string[]): Promise<FoundLogs> {
  const found: FoundLogs = { sources: [], unread: [] };
  for (const path of paths) {
    try {
      const sources = await findLogs([path]);
      if (sources.length === 0) {
        found.unread.push({ path, message: 'no Spark event log found' });
      }
      found.sources.push(...sources);
    } catch (error) {
      found.unread.push({ path, message: plainError(error) });
    }
  }
  return found;
}

/**
 * Reads one log into a diagnosis. Lines that cannot be read are among the problems of the diagnosis.
 * @throws if the log contains nothing usable; the message says why
 */
export async function observeWhole(
  diagnosis: Diagnosis,
  source: LogSource,
  { onProgress = () => undefined }: ReadOptions = {}
): Promise<void> {
  let lines = 0;
  let broken: string | null = null;
  for await (const batch of readLog(source, { onProgress })) {
    for (const line of batch.lines) {
      lines += 1;
      observeEventLine(diagnosis, line, `${batch.file}:${line.number}`);
    }
    if (batch.problem) {
      broken ??= batch.problem.message;
      diagnosis.report(`${batch.file}:${batch.problem.line}`, batch.problem.message);
    }
  }
  if (isEventLog(diagnosis)) {
    diagnosis.close();
    return;
  }
  throw new Error(broken ?? (lines === 0 ? 'the file is empty' : 'not a Spark event log'));
}

/** A file that is no event log has not even a time; it must not count as "no problems found". */
function isEventLog({ application: { id, sparkVersion, endedAt } }: Diagnosis): boolean {
  return id !== null || sparkVersion !== null || endedAt !== null;
}

/** The message of a system error, without its code. */
export function plainError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'no such file or directory';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'is a directory';
    default:
      return message;
  }
}
