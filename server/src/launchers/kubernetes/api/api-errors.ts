const ALREADY_EXISTS = 409;
const NOT_FOUND = 404;
const GONE = 410;
const TOO_MANY_REQUESTS = 429;

/** The API server refused. All calls throw it, and the network's errors where no answer came. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: string | null;
  readonly retryAfterMs: number | null;

  constructor(
    /** HTTP status, also where it came inside of a watch. */
    readonly status: number,
    /** What the API server says, without the rest of the answer. */
    message: string,
    more: {
      /** Of the API's `Status`, e.g. `AlreadyExists`. */
      reason?: string | null;
      /** What the server asks to wait before the next attempt, ms. */
      retryAfterMs?: number | null;
    } = {}
  ) {
    super(withoutSecrets(message));
    this.reason = more.reason ?? null;
    this.retryAfterMs = more.retryAfterMs ?? null;
  }

  /** What was asked for is older than what the server remembers. */
  get expired(): boolean {
    return this.status === GONE;
  }
}

/** Tokens that a proxy or a webhook in between repeats in its answer. */
function withoutSecrets(text: string): string {
  return text
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 …')
    .replace(/\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g, '…');
}

/** The status of what the API server refused; null if it did not answer at all. */
export function statusOf(error: unknown): number | null {
  return error instanceof ApiError ? error.status : null;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether the same call may succeed later: no answer, too many requests, or a fault of the server's own. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== null) return status === TOO_MANY_REQUESTS || status >= 500;
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  return typeof (code ?? cause?.code) === 'string';
}

/** How long the API server asks to wait before the next attempt, ms; null: it does not say. */
export function retryAfterOf(error: unknown): number | null {
  return error instanceof ApiError ? error.retryAfterMs : null;
}

/** Makes an object; null if there is one of this name. */
export async function createIfAbsent<T>(create: () => Promise<T>): Promise<T | null> {
  try {
    return await create();
  } catch (error) {
    if (statusOf(error) === ALREADY_EXISTS) return null;
    throw error;
  }
}

/** Deletes an object; false if there is none. */
export async function deleteIfExists(remove: () => Promise<unknown>): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    if (statusOf(error) === NOT_FOUND) return false;
    throw error;
  }
}
