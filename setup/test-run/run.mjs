import { availableParallelism } from 'node:os';
import { minutes, Output, tableOf } from './output.mjs';
import { sum } from './reports.mjs';
import { Runners } from './runners.mjs';
import { runParts } from './schedule.mjs';

const MAX_SLOTS = 4;

/**
 * Runs parts, shows their progress and adds up their results.
 * @param {(runners: Runners) => import('./schedule.mjs').Part[]} make
 * @param {{ before?: import('./schedule.mjs').Outcome[], slots?: number, hint?: string }} [options] `before`: earlier
 * outcomes; `hint`: a line for the end
 * @returns {Promise<number>} exit code; the last line that is printed is `N passed, N failed, N skipped`
 */
export async function runTests(make, { before = [], slots, hint } = {}) {
  const begun = Date.now();
  const abort = new AbortController();
  for (const kind of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(kind, () => abort.abort());
  const screen = new Output('kubernetes-ui'.length);
  const outcomes = await runParts(make(new Runners(screen)), {
    // More would only slow all of them down.
    slots: slots ?? Math.min(availableParallelism(), MAX_SLOTS),
    signal: abort.signal,
    onBegin: name => screen.begin(name),
    onEnd: outcome => screen.end(outcome)
  });
  screen.close();
  const all = [...before, ...outcomes];
  const { passed, failed, skipped } = sum(all.map(({ result }) => result));
  const ms = Date.now() - begun + before.reduce((whole, one) => whole + one.ms, 0);
  console.log(`\n${tableOf(all)}\n\nAll of it took ${minutes(ms)} minutes.`);
  if (hint) console.log(hint);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (abort.signal.aborted) return 130;
  return failed > 0 || passed === 0 ? 1 : 0;
}
