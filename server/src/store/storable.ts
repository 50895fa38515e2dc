/**
 * A value that every database accepts. PostgreSQL has no NUL in text and no integer beyond 64 bits, and all our numbers
 * are integers: a name or a time from user code must not be rejected forever by the database.
 */
export function storable(value: unknown): unknown {
  if (typeof value === 'string')
    return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  if (Number.isNaN(value)) return 0;
  const most = Number.MAX_SAFE_INTEGER;
  return Math.min(most, Math.max(-most, Math.trunc(value)));
}
