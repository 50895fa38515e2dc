/**
 * @typedef {object} Part
 * @property {string} name
 * @property {string[]} [needs] parts that must complete before it, if they are selected
 * @property {number} [slots] number of cores that it keeps busy; 0: it mostly waits. Default: 1
 * @property {boolean} [always] also after an interruption: it cleans up
 * @property {number} minutes after this time it is ended, and has failed
 * @property {(signal: AbortSignal) => Promise<Result>} run
 *
 * @typedef {object} Result
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} notes names of failed tests, each with its message on the next lines, and why something was
 * skipped
 *
 * @typedef {{ name: string, result: Result, ms: number }} Outcome
 */

export const nothing = () => ({ passed: 0, failed: 0, skipped: 0, notes: [] });
export const failure = (...notes) => ({ ...nothing(), failed: 1, notes });
export const skip = reason => ({ ...nothing(), skipped: 1, notes: [`skipped: ${reason}`] });

/**
 * Runs parts concurrently, as many as there are slots, in the order of the list as far as their needs allow.
 * @param {Part[]} parts each after those that it needs
 * @param {{ slots: number, signal: AbortSignal, onBegin: (name: string) => void, onEnd: (outcome: Outcome) => void }}
 * options after an abort of `signal` only parts that clean up are started
 * @returns {Promise<Outcome[]>} in the order of the list
 */
export async function runParts(parts, { slots, signal, onBegin, onEnd }) {
  const outcomes = new Map();
  const running = new Map();
  const waiting = [...parts];
  const names = new Set(parts.map(({ name }) => name));
  let free = slots;

  const isReady = ({ needs = [] }) => needs.every(name => !names.has(name) || outcomes.has(name));
  const begin = part => {
    const cost = Math.min(part.slots ?? 1, slots);
    waiting.splice(waiting.indexOf(part), 1);
    free -= cost;
    onBegin(part.name);
    const begun = Date.now();
    const over = runOne(part, signal).then(result => {
      const outcome = { name: part.name, result, ms: Date.now() - begun };
      outcomes.set(part.name, outcome);
      running.delete(part.name);
      free += cost;
      onEnd(outcome);
    });
    running.set(part.name, over);
  };

  for (;;) {
    for (const part of [...waiting]) {
      if (!isReady(part)) continue;
      if (signal.aborted && !part.always) {
        waiting.splice(waiting.indexOf(part), 1);
        outcomes.set(part.name, { name: part.name, result: skip('interrupted'), ms: 0 });
      } else if (Math.min(part.slots ?? 1, slots) <= free) begin(part);
    }
    if (running.size > 0) await Promise.race(running.values());
    else if (!waiting.some(isReady)) break;
  }
  return parts.map(({ name }) => outcomes.get(name));
}

async function runOne(part, outer) {
  const late = AbortSignal.timeout(part.minutes * 60_000);
  const signal = part.always ? late : AbortSignal.any([outer, late]);
  try {
    const result = await part.run(signal);
    if (!late.aborted) return result;
    const words = `it did not end within ${part.minutes} minutes and was ended`;
    return { ...result, failed: Math.max(result.failed, 1), notes: [words, ...result.notes] };
  } catch (error) {
    return failure(error instanceof Error ? error.message : String(error));
  }
}
