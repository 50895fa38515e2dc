import {
  operations,
  type Operation,
  type OperationInput,
  type OperationName
} from '@aglais/protocol';
import type { Request, RequestHandler, Response, Router } from 'express';
import { z } from 'zod';
import { notFound, parse } from './problems.js';

/** The handler of a route, called once the request has been validated. */
export type Handler<K extends OperationName> = (
  input: OperationInput<K>,
  response: Response,
  request: Request
) => void | Promise<void>;

/**
 * Adds the route of an operation of the protocol: method, path and schemas are those of the OpenAPI document.
 * @param guards authorization; run before anything is read
 */
export function serveOperation<K extends OperationName>(
  router: Router,
  name: K,
  handle: Handler<K>,
  ...guards: RequestHandler[]
): void {
  const [method, path] = name.split(' ') as [string, string];
  const add = method.toLowerCase() as 'get' | 'post' | 'put' | 'delete';
  const operation: Operation = operations[name];
  router[add](path.replace(/\{(\w+)\}/g, ':$1'), ...guards, async (request, response) => {
    await handle(inputOf(operation, request) as OperationInput<K>, response, request);
  });
}

const NO_QUERY = z.object({});

/** Names of headers are case-insensitive. */
function withNamesOf({ shape }: z.ZodObject, request: Request): Record<string, unknown> {
  return Object.fromEntries(Object.keys(shape).map(name => [name, request.get(name)]));
}

function inputOf({ params, query, headers, body }: Operation, request: Request): object {
  const place = params?.safeParse(request.params);
  // No object has such an id.
  if (place?.success === false) throw notFound(request.path);
  if (headers) parse(headers, withNamesOf(headers, request));
  return {
    params: place?.data,
    // An ignored parameter would silently have no effect.
    query: parse((query ?? NO_QUERY).strict(), request.query),
    body: body && parse(body, request.body ?? {})
  };
}
