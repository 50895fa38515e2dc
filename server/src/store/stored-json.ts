import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/**
 * Parses the JSON of a column with `schema`. A newer server that shares the database may have written it: unknown
 * fields and codes are passed on unchanged, so that clients that know them get them.
 * @returns null if known parts are missing or corrupt
 */
export function readStored<T>(schema: z.ZodType<T>, text: string): T | null {
  const value = parseJson(text);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  return parsed.error.issues.every(issue => isUnknownHere(issue, value)) ? (value as T) : null;
}

/** Additional fields, or an unknown word instead of known ones: not a missing field, or one of another type. */
function isUnknownHere(issue: Issue, value: unknown): boolean {
  // A limit may have been raised.
  if (issue.code === 'unrecognized_keys' || issue.code === 'too_big') return true;
  // A discriminated union: a kind that is unknown here.
  if (issue.code === 'invalid_union')
    return issue.discriminator !== undefined && typeof at(value, issue.path) === 'string';
  return issue.code === 'invalid_value' && typeof at(value, issue.path) === 'string';
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
