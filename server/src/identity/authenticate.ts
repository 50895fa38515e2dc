import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { ProblemError } from '../problems.js';
import type { Scope, Tokens } from './tokens.js';

/** The role of a request's sender, by its bearer token. Throws a 401 if the token is not valid. */
export function scopeOfRequest(request: IncomingMessage, tokens: Tokens): Scope {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  const scope = token === undefined ? null : tokens.scopeOf(token);
  if (scope) return scope;
  throw new ProblemError(
    401,
    'unauthenticated',
    token === undefined
      ? 'A bearer token is required: the content of the file `token` in the state directory.'
      : 'This bearer token is not valid. The valid one is in the file `token` in the state directory.'
  );
}

export function authenticate(tokens: Tokens): RequestHandler {
  return (request, response, next) => {
    response.locals.scope = scopeOfRequest(request, tokens);
    next();
  };
}

/** For routes that a browser never needs. */
export const requireUserScope: RequestHandler = (_request, response, next) => {
  if (response.locals.scope !== 'user') {
    throw new ProblemError(
      403,
      'forbidden',
      'Only the kernel and the Jupyter Server may use this, not a browser.'
    );
  }
  next();
};
