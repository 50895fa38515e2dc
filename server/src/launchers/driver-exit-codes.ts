/** The exit code of a process that a signal ended, as in a shell: 128 + the number of the signal. */
const KILLED = 137;
const TERMINATED = 143;
/** HotSpot's exit code with -XX:+ExitOnOutOfMemoryError. */
const OUT_OF_HEAP = 3;

export const KEPT =
  "Your notebook's variables are kept; temporary views and cached tables are gone.";

/**
 * Why a driver exited, for people.
 * @param code its exit code, or null if it was not recorded
 * @param logTail the end of its log
 */
export function explainExit(code: number | null, logTail: string): string {
  return `${cause(code, logTail)} ${KEPT}`;
}

function cause(code: number | null, logTail: string): string {
  if (code === OUT_OF_HEAP && logTail.includes('java.lang.OutOfMemoryError')) {
    return 'The Spark driver ran out of Java heap. Collect less at once, or restart with more driver memory.';
  }
  if (code === KILLED) {
    return 'The Spark driver was killed (signal 9), as the kernel does when memory runs out.';
  }
  if (code === TERMINATED) return 'The Spark driver was terminated by another process (signal 15).';
  if (code === null) return 'The Spark driver vanished; the machine may have been restarted.';
  const line = lastError(logTail);
  return `The Spark driver ended by itself (exit code ${code}${line ? `: ${line}` : ''}).`;
}

/** The last line of a log that names an exception or an error. */
function lastError(log: string): string | null {
  const lines = log.split('\n').filter(line => /(Exception|Error)\b/.test(line));
  return lines.at(-1)?.trim().slice(0, 300) ?? null;
}
