import { BACK_OFF, type BackOffTimes } from '../../../back-off.js';

/** How often and how long a list-watch does what; all but `backOff` with up to a third of jitter. */
export interface WatchTimes {
  /** The server is asked to end a watch after this. */
  watchMs: number;
  /** It is ended from here this much later, should the server not do it. */
  graceMs: number;
  /** The API server sends bookmarks each minute: a watch that is silent for longer than this is dead, or worth nothing. */
  silenceMs: number;
  /** Everything is listed anew this often, whatever the watch said. */
  relistMs: number;
  /** Until an answer must have begun, and a page of a list be complete. */
  requestMs: number;
  backOff: BackOffTimes;
}

export const WATCH_TIMES: WatchTimes = {
  watchMs: 300_000,
  graceMs: 15_000,
  silenceMs: 130_000,
  relistMs: 1_800_000,
  requestMs: 30_000,
  backOff: BACK_OFF
};

export function jittered(ms: number): number {
  return ms * (1 - Math.random() / 3);
}
