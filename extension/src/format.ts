import type { Trans } from './translation';

/** MiB with a unit: "512 MiB" below 1 GiB, "1.4 GiB" from there on. */
export function formatMemory(mib: number, trans: Trans): string {
  const { value, unit } = measure(mib);
  return `${value} ${unitName(unit, trans)}`;
}

/** "1.2 of 2.8 GiB", "512 MiB of 2.8 GiB"; only the part that is known; null if neither is known. */
export function formatMemoryUse(
  usedMiB: number | null,
  limitMiB: number | null,
  trans: Trans
): string | null {
  if (usedMiB === null) {
    return limitMiB === null ? null : trans.__('limit %1', formatMemory(limitMiB, trans));
  }
  if (limitMiB === null) return formatMemory(usedMiB, trans);
  const { value, unit } = measure(usedMiB);
  const used = unit === measure(limitMiB).unit ? value : formatMemory(usedMiB, trans);
  return trans.__('%1 of %2', used, formatMemory(limitMiB, trans));
}

function measure(mib: number): { value: string; unit: 'MiB' | 'GiB' } {
  const rounded = Math.round(mib);
  return rounded < 1024
    ? { value: `${rounded}`, unit: 'MiB' }
    : { value: (mib / 1024).toFixed(1), unit: 'GiB' };
}

function unitName(unit: 'MiB' | 'GiB', trans: Trans): string {
  return unit === 'MiB' ? trans.__('MiB') : trans.__('GiB');
}

/** A duration in ms, less precise the longer it is: "0.4 s", "12 s", "4 min", "2 h 5 min". */
export function formatDuration(ms: number, trans: Trans): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return trans.__('%1 s', seconds.toFixed(1));
  if (seconds < 90) return trans.__('%1 s', Math.round(seconds));
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return trans.__('%1 min', minutes);
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return rest === 0 ? trans.__('%1 h', hours) : trans.__('%1 h %2 min', hours, rest);
}

/** The time of day of a timestamp (ms since the epoch), with the date if it is not today. */
export function formatTime(at: number, now = Date.now()): string {
  const then = new Date(at);
  const time = then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (then.toDateString() === new Date(now).toDateString()) return time;
  return `${then.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
}
