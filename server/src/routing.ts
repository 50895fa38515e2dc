import {
  operations,
  type Operation,
  type OperationInput,
  type OperationName
} from '@aglais/protocol';
import type { Request, RequestHandler, Response, Router } from 'express';
import { z } from 'zod';
import { notFound, parse } from './problems.js';

/** What a route answers with, once the request has been checked. */
export type Handler<K extends OperationName> = (
  input: OperationInput<K>,
  response: Response,
  request: Request
) => void | Promise<void>;

/**
 * Adds the route of an operation of the protocol: its method and path, and the schemas that check its requests, are those of
 * the OpenAPI document.
 * @param guards who may ask; before anything is read
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

/** Names of headers have no case. */
function withNamesOf({ shape }: z.ZodObject, request: Request): Record<string, unknown> {
  return Object.fromEntries(Object.keys(shape).map(name => [name, request.get(name)]));
}

function inputOf({ params, query, headers, body }: Operation, request: Request): object {
  const place = params?.safeParse(request.params);
  // Nothing has such an id.
  if (place?.success === false) throw notFound(request.path);
  if (headers) parse(headers, withNamesOf(headers, request));
  return {
    params: place?.data,
    // A parameter that is ignored would silently not do what it asks for.
    query: parse((query ?? NO_QUERY).strict(), request.query),
    body: body && parse(body, request.body ?? {})
  };
}
