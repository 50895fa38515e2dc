import { readText } from '../../cluster-directory.js';

/** Maximum number of failed tables that are shown to the user. */
const MAX_PROBLEMS = 200;
const MAX_PROBLEM_LENGTH = 2_000;

/** What the driver wrote when it became ready (aglais.Readiness). */
export interface DriverReady {
  port: number;
  /** Tables that could not be registered, and why. */
  problems: string[];
}

/**
 * The first line is the port, each further line a problem; null if the file is missing or does not start with a port.
 */
export async function readReadyFile(path: string): Promise<DriverReady | null> {
  const [first, ...problems] = ((await readText(path)) ?? '').trim().split('\n');
  if (!/^\d{1,5}$/.test(first!)) return null;
  return {
    port: Number(first),
    problems: problems.slice(0, MAX_PROBLEMS).map(line => line.slice(0, MAX_PROBLEM_LENGTH))
  };
}
