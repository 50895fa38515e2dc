const UNITS: Record<string, number> = { b: 2 ** -20, k: 2 ** -10, m: 1, g: 2 ** 10, t: 2 ** 20 };

/**
 * Parses a size of Spark (`512m`, `1g`, `1024`, `2gb`) to MiB; null if it is not one.
 * @param unit the unit of a bare number, which depends on the property: `m` or `b`
 */ export function parseMiB(size: string | undefined, unit: 'm' | 'b' = 'm'): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgtb]?)(?:i?b)?\s*$/i.exec(size ?? '');
  return match ? Number(match[1]) * UNITS[(match[2] || unit).toLowerCase()]! : null;
}

/** Parses a duration of Spark (`120s`, `2min`, `800ms`; a bare number is seconds) to s; null if it is not one. */
export function parseSeconds(time: string | undefined): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|min|h|d)?\s*$/.exec(time ?? '');
  if (!match) return null;
  const units = { us: 1e-6, ms: 1e-3, s: 1, m: 60, min: 60, h: 3600, d: 86_400 };
  return Number(match[1]) * units[(match[2] ?? 's') as keyof typeof units];
}
