import { readText } from '../../cluster-directory.js';

/** Tables that could not be made known, of which each is shown to the user. */
const MAX_PROBLEMS = 200;
const MAX_PROBLEM_LENGTH = 2_000;

/** What the driver wrote when it became ready (aglais.Readiness). */
export interface DriverReady {
  port: number;
  /** Tables that could not be made known, and why. */
  problems: string[];
}

/** The first line is the port, each further line a problem; null if there is no such file, or it begins with no port. */
export async function readReadyFile(path: string): Promise<DriverReady | null> {
  const [first, ...problems] = ((await readText(path)) ?? '').trim().split('\n');
  if (!/^\d{1,5}$/.test(first!)) return null;
  return {
    port: Number(first),
    problems: problems.slice(0, MAX_PROBLEMS).map(line => line.slice(0, MAX_PROBLEM_LENGTH))
  };
}
