const SECOND = 1_000;
const MINUTE = 60_000;

/** A duration in whole seconds or minutes; "1 hour" is "60 minutes". */
export function formatDuration(ms: number): string {
  const [count, unit] =
    ms < MINUTE ? [Math.round(ms / SECOND), 'second'] : [Math.round(ms / MINUTE), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
