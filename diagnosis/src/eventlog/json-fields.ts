/**
 * Reads fields of JSON. A field that is missing or has another type is null: Spark's events differ between versions,
 * and the other fields are still useful.
 */
export type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : null;
}

export function text(of: Fields, key: string): string | null {
  const value = of[key];
  return typeof value === 'string' ? value : null;
}

export function number(of: Fields, key: string): number | null {
  const value = of[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function flag(of: Fields, key: string): boolean {
  return of[key] === true;
}

export function list(of: Fields, key: string): readonly unknown[] {
  const value = of[key];
  return Array.isArray(value) ? value : [];
}

/** The string values of an object, for example Spark properties. */
export function strings(value: unknown): Record<string, string> {
  const entries = Object.entries(fields(value) ?? {});
  return Object.fromEntries(entries.filter((e): e is [string, string] => typeof e[1] === 'string'));
}
