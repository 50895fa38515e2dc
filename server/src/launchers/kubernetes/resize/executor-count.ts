import { formatMiB, plural } from '@aglais/diagnosis';
import type { Shape } from '@aglais/protocol';
import { ResizeRefused } from '../../launcher.js';
import { WitnessClient, WitnessRefusal, type Witness } from '../evidence/witness-client.js';
import type { Waiting } from '../waiting.js';

/** The driver checks its number five times per second; during a garbage collection it takes longer, ms. */
const ANSWER_MS = 10_000;
const NOT_FOUND = 404;
/** A witness that cannot set the number of executors, or a range. */
const OLDER = [405, 400];
const MIB = 2 ** 20;

type Executors = Shape['executors'];

/** A number or a range in the format of `aglais.ExecutorCount`. */
export function desiredExecutors({ min, max }: Executors): string {
  return min === max ? String(max) : `${min}-${max}`;
}

/** The progress of a driver towards its desired number of executors (`aglais.ExecutorCount`). */
export interface CountState {
  /** In the format of `desiredExecutors`. */
  wanted: string;
  registered: number;
  /** Removed because there were too many. */
  ended: number;
  /** Cached data on these, bytes. */
  cachedBytes: number;
  /** Number of executors according to Spark. */
  refused: boolean;
}

/** Parses the output of `aglais.ExecutorCount`: a word and a number per line. */
export function readCountState(text: string): CountState {
  const words = new Map(
    text.split('\n').map(line => {
      const [name = '', value = ''] = line.split(' ');
      return [name, value];
    })
  );
  const count = (name: string) => Number(words.get(name) ?? 0);
  return {
    wanted: words.get('wanted') ?? '',
    registered: count('registered'),
    ended: count('ended'),
    cachedBytes: count('cached'),
    refused: words.has('refused')
  };
}

/**
 * Whether the desired number of executors is reached; for a range, its minimum is reached and its maximum is not
 * exceeded.
 */
export function isReached(state: CountState | null, executors: Executors): boolean {
  if (state?.wanted !== desiredExecutors(executors)) return false;
  return state.registered >= executors.min && state.registered <= executors.max;
}

/** What was lost with the removed executors; null if it was nothing that a user cached. */
export function lossOfScaling({ ended, cachedBytes }: CountState): string | null {
  if (cachedBytes === 0) return null;
  return (
    `${plural(ended, 'executor')} ended, and with ${ended === 1 ? 'it' : 'them'} ${formatMiB(cachedBytes / MIB)} of cached data. ` +
    'Spark reads or computes them again when they are needed.'
  );
}

/** Why the number is not in effect yet, in sentences; null if it is. */
export function scalingShortfall(
  state: CountState | null,
  executors: Executors,
  waiting: Waiting | null
): string | null {
  if (isReached(state, executors)) return null;
  const { min, max } = executors;
  if (state?.wanted !== desiredExecutors(executors)) {
    const wanted = min === max ? plural(max, 'executor') : `${min} to ${max} executors`;
    return `The driver has not answered yet that it shall have ${wanted}; it will when it can.`;
  }
  const { registered } = state;
  if (registered > max) {
    const many = registered - max;
    return (
      `There are still ${registered} executors instead of ${max}: ${many === 1 ? 'one is' : `${many} are`} at work. ` +
      'They end as soon as they have no task, so that no work is lost.'
    );
  }
  const have = `${registered} of ${min} executors are there`;
  if (!waiting) return `${have}; the others are starting.`;
  return `${have}. Spark waits for ${waiting.for}.${waiting.advice ? ` ${waiting.advice}` : ''}`;
}

/** Sends requests to the driver of one cluster, through its witness. */
export class ExecutorCount {
  private readonly client: WitnessClient;

  constructor(witness: Witness) {
    this.client = new WitnessClient(witness);
  }

  /**
   * False: this driver does not support a number, or a range.
   * @throws ResizeRefused if its pod cannot be reached
   */
  async ask(executors: Executors): Promise<boolean> {
    try {
      await this.client.setDesiredExecutors(
        desiredExecutors(executors),
        AbortSignal.timeout(ANSWER_MS)
      );
      return true;
    } catch (error) {
      // A pod from an older version of Aglais.
      if (error instanceof WitnessRefusal && OLDER.includes(error.status)) return false;
      throw new ResizeRefused(
        `The driver's pod cannot be reached (${(error as Error).message}). Nothing was changed. ` +
          'Try again, or restart Spark with the new size.'
      );
    }
  }

  /** Null: no number was ever requested. */
  async state(): Promise<CountState | null> {
    try {
      const file = await this.client.file('executors.state', AbortSignal.timeout(ANSWER_MS));
      return readCountState(file.toString('utf8'));
    } catch (error) {
      if (error instanceof WitnessRefusal && error.status === NOT_FOUND) return null;
      throw error;
    }
  }

  close(): void {
    this.client.close();
  }
}
