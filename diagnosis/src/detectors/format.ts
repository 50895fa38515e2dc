/** "430 MiB", "1.4 GiB". */
export function memory(mib: number): string {
  return mib < 1000 ? `${Math.round(mib)} MiB` : `${trim((mib / 1024).toFixed(1))} GiB`;
}

/** "0.4 s", "13 s", "4 min", "1 h 5 min". */
export function duration(ms: number): string {
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
export function named(noun: string, names: readonly string[], most = 6): string {
  if (names.length === 1) return `${noun} ${names[0]}`;
  const shown = names.length > most ? names.slice(0, most) : names.slice(0, -1);
  const rest = names.length > most ? `${names.length - most} more` : names.at(-1);
  return `${noun}s ${shown.join(', ')} and ${rest}`;
}

export function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Sorts ids that are mostly numbers as numbers. */
export function inOrder(ids: Iterable<string>): string[] {
  return [...ids].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0));
}

function trim(figure: string): string {
  return figure.replace(/\.0$/, '');
}
