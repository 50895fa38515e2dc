/** "430 MiB", "1.4 GiB", "2.0 GiB": GiB with one decimal from 1 GiB on. */
export function formatMiB(mib: number): string {
  return Math.round(mib) < 1024 ? `${Math.round(mib)} MiB` : `${(mib / 1024).toFixed(1)} GiB`;
}

/** "0.4 s", "13 s", "4 min", "1 h 5 min". */
export function formatDuration(ms: number): string {
  if (ms < 9950) return `${trim((ms / 1000).toFixed(1))} s`;
  if (ms < 119_500) return `${Math.round(ms / 1000)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** "1 task", "9 tasks". */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}

/** "executor 1", "executors 1, 2 and 3", "executors 1, 2, 3 and 17 more". */
export function formatNames(noun: string, names: readonly string[], most = 6): string {
  if (names.length === 1) return `${noun} ${names[0]}`;
  const shown = names.length > most ? names.slice(0, most) : names.slice(0, -1);
  const rest = names.length > most ? `${names.length - most} more` : names.at(-1);
  return `${noun}s ${shown.join(', ')} and ${rest}`;
}

/** With its first letter in upper case. */
export function capitalize(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Sorts ids numerically where they are numbers. */
export function sortIds(ids: Iterable<string>): string[] {
  return [...ids].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0));
}

function trim(figure: string): string {
  return figure.replace(/\.0$/, '');
}

/** "was killed", "were killed": the clause for that number of executors. */
export function conjugate(what: string, count: number): string {
  return count === 1
    ? what
    : what.replace(/^was /, 'were ').replace(' before it registered', ' before they registered');
}

/** "1, 2 and 3". */
export function formatIds(ids: readonly string[]): string {
  return formatNames('', ids).replace(/^s? /, '');
}

export const MIB = 2 ** 20;

/** "812 KiB", "430 MiB", "1.4 GiB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} bytes`;
  return bytes < MIB ? `${Math.round(bytes / 1024)} KiB` : formatMiB(bytes / MIB);
}

/** "950", "12,000", "2.9 million", "1.2 billion". */
export function formatCount(count: number): string {
  for (const [unit, name] of [
    [1e9, 'billion'],
    [1e6, 'million']
  ] as const) {
    if (count >= unit) return `${(count / unit).toFixed(1).replace(/\.0$/, '')} ${name}`;
  }
  return Math.round(count).toLocaleString('en');
}

/** "7 %", "0.8 %". */
export function formatPercent(share: number): string {
  return `${share < 0.01 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;
}
