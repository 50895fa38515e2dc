import { STATUS_CODES } from 'node:http';
import type { Problem } from '@aglais/protocol';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';

/** An error that its reader can act on; becomes application/problem+json (RFC 9457). */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    detail: string,
    readonly errors?: { path: string; message: string }[]
  ) {
    super(detail);
    this.name = 'ProblemError';
  }

  toProblem(): Problem {
    return {
      type: `urn:aglais:problem:${this.kind}`,
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      detail: this.message,
      ...(this.errors && { errors: this.errors })
    };
  }
}

export const notFound = (what: string) =>
  new ProblemError(404, 'not-found', `${what} does not exist. Nothing was changed.`);

/** The body of a request as `schema` says, or a 422 that names every field that is wrong. */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ProblemError(
    422,
    'invalid-request',
    'The request is not what this address takes; nothing was changed.',
    parsed.error.issues.map(issue => ({ path: issue.path.join('.'), message: issue.message }))
  );
}

/** A body that nobody reads must not look like none: what it asks for would silently not be done. */
export const refuseOtherBodies: RequestHandler = (request, _response, next) => {
  const isEmpty = request.headers['content-length'] === '0';
  if (!isEmpty && request.is('json') === false) {
    throw new ProblemError(
      415,
      'not-json',
      'This API takes JSON: send it with `Content-Type: application/json`. Nothing was changed.'
    );
  }
  next();
};

export const unknownRoute: RequestHandler = request => {
  throw new ProblemError(
    404,
    'not-found',
    `${request.method} ${request.path} is not part of this API; see /api/v1/openapi.json.`
  );
};

/** KeyedMutex whatever a route threw into problem+json; what nobody foresaw is logged and told without its details. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    const problem = asProblem(error);
    if (!problem) log.error({ err: error }, 'a request failed');
    sendProblem(
      response,
      problem ??
        new ProblemError(500, 'internal', 'The server made a mistake; it is in its log. Try again.')
    );
  };
}

export function sendProblem(response: Response, problem: ProblemError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer');
  response.status(problem.status).type('application/problem+json').send(problem.toProblem());
}

function asProblem(error: unknown): ProblemError | null {
  if (error instanceof ProblemError) return error;
  // What Express throws for an address that cannot be decoded, and body-parser for a body that is not JSON or too large.
  if (error instanceof Error && 'status' in error) {
    const status = Number(error.status);
    if (status >= 400 && status < 500) {
      return new ProblemError(status, 'invalid-request', `${error.message}. Nothing was changed.`);
    }
  }
  return null;
}
