/**
 * SQLSTATE classes of PostgreSQL that a retry does not fix: data exceptions, integrity violations, wrong SQL, program
 * limits (https://www.postgresql.org/docs/15/errcodes-appendix.html).
 */
const PERMANENT_CLASSES = ['22', '23', '42', '54'];

/** SQLite's primary result codes of the same kind: TOOBIG, CONSTRAINT, MISMATCH, RANGE (https://sqlite.org/rescode.html). */
const PERMANENT_CODES = [18, 19, 20, 25];

/** Whether a write that failed with this error would fail again: the data are rejected, independent of time. */
export function isPermanent(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
    return true;
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  if (typeof errcode === 'number') return PERMANENT_CODES.includes(errcode & 0xff);
  return (
    typeof code === 'string' && code.length === 5 && PERMANENT_CLASSES.includes(code.slice(0, 2))
  );
}
