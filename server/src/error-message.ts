/**
 * The message of an error. A connection that is refused at several addresses is an AggregateError without a message of
 * its own.
 */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(errorMessage).join('; ');
  return error instanceof Error ? error.message : String(error);
}
