import { fields, flag, list, text, type Fields } from './json-fields.js';
import { rootOf } from './stack-traces.js';

/** How one task attempt ended, from its TaskEndReason. */
export type TaskOutcome =
  | { kind: 'success' }
  /** It had finished; its output was lost with its executor (`Resubmitted`). */
  | { kind: 'resubmitted' }
  /** Its executor was lost. */
  | { kind: 'lost'; executor: string; reason: string; byApp: boolean }
  /** It could not fetch shuffle blocks from `executor` (null: Spark did not know where they were). */
  | { kind: 'fetch'; executor: string | null; message: string }
  /** java.lang.OutOfMemoryError, itself or as a cause. */
  | { kind: 'heap'; message: string }
  /** The Python worker process died. */
  | { kind: 'crash'; message: string }
  /** Python's MemoryError. */
  | { kind: 'memory-error'; message: string }
  /** A scratch disk was full. */
  | { kind: 'disk'; message: string }
  /** A mounted share became unavailable. */
  | { kind: 'share'; message: string }
  /** It had finished, but the driver could not fetch the result. */
  | { kind: 'result-lost'; message: string }
  /**
   * `name` is the class of the root exception, `summary` its message in one line, `where` the user's line; `message` is
   * verbatim.
   */
  | { kind: 'failed'; name: string; summary: string; where: string | null; message: string }
  /** Killed on purpose: cancelled, or another attempt succeeded. Not a failure. */
  | { kind: 'killed'; reason: string };

const QUOTE = 500;

/** Out-of-memory classes: the JVM's own, and the one that Spark's memory manager throws. */
const HEAP = /^(?:java\.lang\.OutOfMemoryError|org\.apache\.spark\.memory\.SparkOutOfMemoryError)$/;
const CAUSED_BY_HEAP =
  /^Caused by: (?:java\.lang\.OutOfMemoryError|org\.apache\.spark\.memory\.SparkOutOfMemoryError)[^\n]*/m;
/** PythonRunner's messages in Spark 2.x to 4.x, with or without "(crashed)". */
const CRASH = /Python worker exited unexpectedly(?: \(crashed\))?/;
/** ENOSPC and EDQUOT of the system, and Hadoop's message when no scratch directory has space. */
export const DISK_FULL =
  /No space left on device|Disk quota exceeded|DiskChecker\$DiskErrorException|no more usable space/;
/** ESTALE, ENOTCONN and EHOSTDOWN: only network file systems answer like this to a read or write. */
export const SHARE_GONE =
  /Stale (?:NFS )?file handle|Transport endpoint is not connected|\[Errno (?:107|112|116)\]|\bHost is down\b/;
/**
 * MemoryError as the last line of a Python traceback; numpy's is `…_ArrayMemoryError`. With hardly any memory left,
 * libraries cannot be loaded either: those are messages of the dynamic linker, which for a denied file are followed by
 * a reason.
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
  // The trace starts with class and description; its frames are not quoted.
  const whole = trace.split('\n\tat ', 1)[0] || description || name;
  // A Python traceback has the exception at its end, all others at the start.
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
  // Connections between Spark's own processes can break, too; those are not share failures.
  if (SHARE_GONE.test(root.summary) && !/SocketException|netty/i.test(root.summary)) {
    return { kind: 'share', message };
  }
  return { kind: 'failed', ...root, message };
}

/** The most informative line of a trace, verbatim: its cause, otherwise its first line. */
function why(trace: string): string {
  return /^Caused by: [^\n]*/m.exec(trace)?.[0] ?? trace.split('\n\tat ', 1)[0]!;
}

function stackOf(reason: Fields): string {
  return list(reason, 'Stack Trace')
    .flatMap(frame => Object.values(fields(frame) ?? {}))
    .join('\n');
}
