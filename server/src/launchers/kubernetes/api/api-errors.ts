const ALREADY_EXISTS = 409;
const NOT_FOUND = 404;
const GONE = 410;
const TOO_MANY_REQUESTS = 429;

/** The API server refused a request. All calls throw it, and network errors if there was no response. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: string | null;
  readonly retryAfterMs: number | null;

  constructor(
    /** HTTP status, even if it arrived inside of a watch. */
    readonly status: number,
    /** The message of the API server. */
    message: string,
    more: {
      /** The `reason` of the API's `Status`, for example `AlreadyExists`. */
      reason?: string | null;
      /** The delay that the server requests before the next attempt, ms. */
      retryAfterMs?: number | null;
    } = {}
  ) {
    super(withoutSecrets(message));
    this.reason = more.reason ?? null;
    this.retryAfterMs = more.retryAfterMs ?? null;
  }

  /** The requested version is older than what the server retains. */
  get expired(): boolean {
    return this.status === GONE;
  }
}

/** Tokens that a proxy or a webhook repeats in its response. */
function withoutSecrets(text: string): string {
  return text
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 …')
    .replace(/\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g, '…');
}

/** The status of a refusal; null if the server did not respond at all. */
export function statusOf(error: unknown): number | null {
  return error instanceof ApiError ? error.status : null;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether the same call may succeed later: no response, too many requests, or a server error. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== null) return status === TOO_MANY_REQUESTS || status >= 500;
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  return typeof (code ?? cause?.code) === 'string';
}

/** The delay that the API server requests before the next attempt, ms; null: none. */
export function retryAfterOf(error: unknown): number | null {
  return error instanceof ApiError ? error.retryAfterMs : null;
}

/** Creates an object; null if one with this name exists. */
export async function createIfAbsent<T>(create: () => Promise<T>): Promise<T | null> {
  try {
    return await create();
  } catch (error) {
    if (statusOf(error) === ALREADY_EXISTS) return null;
    throw error;
  }
}

/** Deletes an object; false if it does not exist. */
export async function deleteIfExists(remove: () => Promise<unknown>): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    if (statusOf(error) === NOT_FOUND) return false;
    throw error;
  }
}
