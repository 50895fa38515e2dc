import { BACK_OFF, type BackOffTimes } from '../../../back-off.js';

/** Intervals and deadlines of a list-watch; all except `backOff` get a jitter of up to a third. */
export interface WatchTimes {
  /** The server is asked to end a watch after this time. */
  watchMs: number;
  /** If the server does not, the client ends it this much later. */
  graceMs: number;
  /** The API server sends bookmarks every minute: a watch that is silent for longer is dead or useless. */
  silenceMs: number;
  /** Everything is listed again this often, in any case. */
  relistMs: number;
  /** Deadline of the response headers, and of each page of a list. */
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
