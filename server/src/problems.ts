import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Problem } from '@aglais/protocol';
import type { ErrorRequestHandler, RequestHandler, Response, Router } from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';

/** An error that the client can act on; becomes application/problem+json (RFC 9457). */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    detail: string,
    readonly errors?: { path: string; message: string }[],
    /** Response headers. */
    readonly headers: Readonly<Record<string, string>> = {}
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

/** @param why for example "starting: waiting for the database" */
export const unavailable = (why: string) =>
  new ProblemError(
    503,
    'unavailable',
    `Aglais cannot answer now (${why}). Nothing was changed. Try again in a moment.`,
    undefined,
    { 'Retry-After': '2' }
  );

/** Validates the body or query of a request; throws a 422 that names every invalid field. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ProblemError(
    422,
    'invalid-request',
    'The request is not valid. Nothing was changed.',
    parsed.error.issues.map(issue => ({ path: issue.path.join('.'), message: issue.message }))
  );
}

/** An ignored body must not look like none: its content would silently have no effect. */
export const refuseOtherBodies: RequestHandler = (request, _response, next) => {
  const isEmpty = request.headers['content-length'] === '0';
  if (!isEmpty && request.is('json') === false) {
    throw new ProblemError(
      415,
      'not-json',
      'The body must be JSON, sent with `Content-Type: application/json`. Nothing was changed.'
    );
  }
  next();
};

/**
 * Responds with 405 for each method that a path of the router has no route for. Called after all routes are added: the
 * router's default, 404, would mean that the path itself is wrong.
 */
export function refuseOtherMethods(router: Router): void {
  const methods = new Map<string, Set<string>>();
  for (const { route } of router.stack) {
    if (!route) continue;
    const known = methods.get(route.path) ?? new Set();
    for (const { method } of route.stack) known.add(method.toUpperCase());
    methods.set(route.path, known);
  }
  for (const [path, known] of methods) {
    // Express responds to HEAD with the route for GET.
    if (known.has('GET')) known.add('HEAD');
    const allow = [...known].sort().join(', ');
    router.all(path, request => {
      throw new ProblemError(
        405,
        'method-not-allowed',
        `${request.method} is not possible for ${request.baseUrl}${request.path}; allowed: ${allow}. Nothing was changed.`,
        undefined,
        { Allow: allow }
      );
    });
  }
}

export const unknownRoute: RequestHandler = request => {
  throw new ProblemError(
    404,
    'not-found',
    `There is no ${request.path} in this API; see /api/v1/openapi.json.`
  );
};

/** Converts errors of routes to problem+json; an unexpected error is logged, and reported without details. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    const problem = asProblem(error);
    if (!problem) log.error({ err: error }, 'a request failed');
    sendProblem(
      response,
      problem ?? new ProblemError(500, 'internal', 'Internal error; see the server log. Try again.')
    );
  };
}

export function sendProblem(response: Response, problem: ProblemError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer');
  response.set(problem.headers);
  response.status(problem.status).type('application/problem+json').send(problem.toProblem());
}

/** For cases without a response object: a refused upgrade, an invalid request. */
export function writeProblem(socket: Duplex, problem: ProblemError): void {
  const content = problem.toProblem();
  const body = JSON.stringify(content);
  const headers = {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    ...problem.headers,
    ...(problem.status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    Connection: 'close'
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${content.status} ${content.title}\r\n${lines.join('')}\r\n${body}`);
}

/** For `clientError` of an HTTP server: a request that could not be parsed. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'The headers of the request are too large.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'The request was not complete in time.']
        : [400, 'This is not a valid HTTP request.'];
  writeProblem(
    socket,
    new ProblemError(status, 'invalid-request', `${detail} Nothing was changed.`)
  );
}

function asProblem(error: unknown): ProblemError | null {
  if (error instanceof ProblemError) return error;
  // Express throws these for a URL that cannot be decoded, and body-parser for a body that is not JSON or too large.
  if (error instanceof Error && 'status' in error) {
    const status = Number(error.status);
    if (status >= 400 && status < 500) {
      return new ProblemError(status, 'invalid-request', `${error.message}. Nothing was changed.`);
    }
  }
  return null;
}
