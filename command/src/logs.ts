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
  /** Paths where no log could be found, and why. */
  unread: Unread[];
}

export interface ReadOptions {
  /** Called now and then with the bytes that were read from the disk so far. */
  onProgress?: (bytes: number) => void;
}

/** The logs at these paths; one path that cannot be read hides none of the others. Never throws. */
export async function logsAt(paths: readonly string[]): Promise<FoundLogs> {
  const found: FoundLogs = { sources: [], unread: [] };
  for (const path of paths) {
    try {
      const sources = await findLogs([path]);
      if (sources.length === 0) {
        found.unread.push({ path, message: 'no event log of Spark is there' });
      }
      found.sources.push(...sources);
    } catch (error) {
      found.unread.push({ path, message: plainError(error) });
    }
  }
  return found;
}

/**
 * Feeds one log into a diagnosis. What cannot be read is among the diagnosis' problems.
 * @throws if nothing can be learned from it; the message says why.
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
  if (saysAnything(diagnosis)) {
    diagnosis.close();
    return;
  }
  throw new Error(broken ?? (lines === 0 ? 'it is empty' : 'it is not an event log of Spark'));
}

/** Of a file that is no event log, not even a time is known: silence about it would be a lie. */
function saysAnything({ application: { id, sparkVersion, endedAt } }: Diagnosis): boolean {
  return id !== null || sparkVersion !== null || endedAt !== null;
}

/** The operating system's reason without its codes. */
export function plainError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'you may not read it';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return message;
  }
}
