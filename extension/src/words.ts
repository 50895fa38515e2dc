import type { TranslationBundle } from '@jupyterlab/translation';

/** Turns sentences into the language of the user. */
export type Trans = Pick<TranslationBundle, '__' | '_n'>;

/** The gettext domain of this extension. */
export const DOMAIN = 'aglais';

/** MiB as GiB with one decimal, e.g. 1434 → "1.4". */
export function gib(mib: number): string {
  return (mib / 1024).toFixed(1);
}

/** "0.9 of 2.8 GiB"; "0.9 GiB" where no limit is known; null where nothing is. */
export function usedOfGranted(
  used: number | null,
  granted: number | null,
  trans: Trans
): string | null {
  if (used === null) return granted === null ? null : trans.__('%1 GiB granted', gib(granted));
  return granted === null
    ? trans.__('%1 GiB', gib(used))
    : trans.__('%1 of %2 GiB', gib(used), gib(granted));
}

/** A length of time in ms with the precision that a person wants: "0.4 s", "12 s", "4 min", "2 h 5 min". */
export function duration(ms: number, trans: Trans): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return trans.__('%1 s', seconds.toFixed(1));
  if (seconds < 90) return trans.__('%1 s', Math.round(seconds));
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return trans.__('%1 min', minutes);
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return rest === 0 ? trans.__('%1 h', hours) : trans.__('%1 h %2 min', hours, rest);
}

/** The time of day of a moment (ms since the epoch), with the day if it is not today. */
export function moment(at: number, now = Date.now()): string {
  const then = new Date(at);
  const time = then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (then.toDateString() === new Date(now).toDateString()) return time;
  return `${then.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
}
