import { fields, flag, list, text, type Fields } from './json-fields.js';
import { rootOf } from './stack-traces.js';

/** How one attempt at a task ended, by its TaskEndReason. */
export type TaskOutcome =
  | { kind: 'success' }
  /** Ended before; its output vanished with its executor (`Resubmitted`). */
  | { kind: 'resubmitted' }
  /** Its executor went away under it. */
  | { kind: 'lost'; executor: string; reason: string; byApp: boolean }
  /** Could not read shuffle blocks of `executor` (null: Spark did not know where they were). */
  | { kind: 'fetch'; executor: string | null; message: string }
  /** java.lang.OutOfMemoryError, itself or as a cause. */
  | { kind: 'heap'; message: string }
  /** The Python worker process vanished. */
  | { kind: 'crash'; message: string }
  /** Python's MemoryError. */
  | { kind: 'memory-error'; message: string }
  /** No room on a scratch disk. */
  | { kind: 'disk'; message: string }
  /** A mounted share went away under the task. */
  | { kind: 'share'; message: string }
  /** Done, but the driver could not get the result. */
  | { kind: 'result-lost'; message: string }
  /** `name` is the root's class, `summary` its one line, `where` the user's; `message` is verbatim. */
  | { kind: 'failed'; name: string; summary: string; where: string | null; message: string }
  /** Stopped on purpose: cancelled, or another attempt won. Nothing failed. */
  | { kind: 'killed'; reason: string };

const QUOTE = 500;

/** Out of memory by `Error` class: the JVM's own, and the one that Spark's memory manager throws. */
const HEAP = /^(?:java\.lang\.OutOfMemoryError|org\.apache\.spark\.memory\.SparkOutOfMemoryError)$/;
const CAUSED_BY_HEAP =
  /^Caused by: (?:java\.lang\.OutOfMemoryError|org\.apache\.spark\.memory\.SparkOutOfMemoryError)[^\n]*/m;
/** PythonRunner's words in Spark 2.x to 4.x, with or without "(crashed)". */
const CRASH = /Python worker exited unexpectedly(?: \(crashed\))?/;
/** The system's ENOSPC and EDQUOT, and Hadoop's words for no scratch directory with room. */
export const DISK_FULL =
  /No space left on device|Disk quota exceeded|DiskChecker\$DiskErrorException|no more usable space/;
/** ESTALE, ENOTCONN and EHOSTDOWN: only network file systems answer like this to a read or write. */
export const SHARE_GONE =
  /Stale (?:NFS )?file handle|Transport endpoint is not connected|\[Errno (?:107|112|116)\]|\bHost is down\b/;
/**
 * MemoryError as the last line of a Python traceback; numpy's is `…_ArrayMemoryError`. With hardly any memory not even
 * libraries can be loaded: those are the dynamic linker's words, which for a forbidden file go on with a reason.
 */
const MEMORY_ERROR =
  /^(?:(?:[\w.]*\.)?_?(?:Array)?MemoryError\b[^\n]*|ImportError: [^\n]*failed to map segment from shared object(?:: Cannot allocate memory)?$)/m;

export function readTaskOutcome(reason: Fields, executorOfTask: string): TaskOutcome {
  const name = text(reason, 'Reason') ?? 'UnknownReason';
  switch (name) {
    case 'Success':
      return { kind: 'success' };
    case 'Resubmitted':
      return { kind: 'resubmitted' };
    case 'ExecutorLostFailure':
      return {
        kind: 'lost',
        executor: text(reason, 'Executor ID') ?? executorOfTask,
        reason: text(reason, 'Loss Reason') ?? '',
        byApp: flag(reason, 'Exit Caused By App')
      };
    case 'FetchFailed': {
      const address = fields(reason['Block Manager Address']);
      return {
        kind: 'fetch',
        executor: address && text(address, 'Executor ID'),
        message: why(text(reason, 'Message') ?? name)
      };
    }
    case 'TaskKilled':
      return { kind: 'killed', reason: text(reason, 'Kill Reason') ?? '' };
    case 'TaskCommitDenied':
      // The output coordinator chose another attempt; Spark does not count it as a failure either.
      return { kind: 'killed', reason: name };
    case 'ExceptionFailure':
      return readException(reason);
    case 'TaskResultLost':
      return { kind: 'result-lost', message: name };
    default:
      return { kind: 'failed', name, summary: name, where: null, message: name };
  }
}

function readException(reason: Fields): TaskOutcome {
  const name = text(reason, 'Class Name') ?? 'Exception';
  const description = text(reason, 'Description') ?? '';
  const trace = text(reason, 'Full Stack Trace') ?? stackOf(reason);
  // The trace begins with class and description; its frames are not worth quoting.
  const whole = trace.split('\n\tat ', 1)[0] || description || name;
  // A Python traceback says it in the end, all others in the beginning.
  const message = whole.length > QUOTE && /Traceback/.test(whole) ? whole.slice(-QUOTE) : whole;
  if (HEAP.test(name)) return { kind: 'heap', message };
  if (CRASH.test(description)) return { kind: 'crash', message };
  if (/PythonException$/.test(name)) {
    if (MEMORY_ERROR.test(description)) return { kind: 'memory-error', message };
  }
  const cause = CAUSED_BY_HEAP.exec(trace)?.[0];
  if (cause) return { kind: 'heap', message: cause };
  if (CRASH.test(trace)) return { kind: 'crash', message: CRASH.exec(trace)![0] };
  const root = rootOf(name, description, trace);
  if (DISK_FULL.test(root.summary) || DISK_FULL.test(description)) return { kind: 'disk', message };
  // Connections between Spark's own processes break, too; those are not shares.
  if (SHARE_GONE.test(root.summary) && !/SocketException|netty/i.test(root.summary)) {
    return { kind: 'share', message };
  }
  return { kind: 'failed', ...root, message };
}

/** The line of a trace that says most, verbatim: its cause, else its head without the frames. */
function why(trace: string): string {
  return /^Caused by: [^\n]*/m.exec(trace)?.[0] ?? trace.split('\n\tat ', 1)[0]!;
}

function stackOf(reason: Fields): string {
  return list(reason, 'Stack Trace')
    .flatMap(frame => Object.values(fields(frame) ?? {}))
    .join('\n');
}
