import type { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi';
import { operations, type Operation } from './operations.js';
import { Problem } from './problem.js';
import { StreamMessage } from './stream.js';

const json = (schema: z.ZodType) => ({ 'application/json': { schema } });
const problem = {
  description: 'What happened, what was kept, what to do next (RFC 9457)',
  content: { 'application/problem+json': { schema: Problem } }
};

function describe(operation: Operation): ZodOpenApiOperationObject {
  const { summary, params, query, headers, body, responses, isPublic } = operation;
  const described = Object.entries(responses).map(([status, { description, schema }]) => [
    status,
    { description, ...(schema && { content: json(schema) }) }
  ]);
  const isOptional = body?.safeParse({}).success;
  return {
    summary,
    ...(isPublic && { security: [] }),
    ...((params ?? query ?? headers) && {
      requestParams: {
        ...(params && { path: params }),
        ...(query && { query }),
        ...(headers && { header: headers })
      }
    }),
    ...(body && { requestBody: { required: !isOptional, content: json(body) } }),
    responses: {
      ...(Object.fromEntries(described) as ZodOpenApiOperationObject['responses']),
      '4XX': problem,
      '5XX': problem
    }
  };
}

/** The API as an OpenAPI 3.1 document, from the schemas that also check every request. */
export function openApiDocument(version: string): ReturnType<typeof createDocument> {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const [method, path] = name.split(' ') as [string, string];
    (paths[path] ??= {})[method.toLowerCase()] = describe(operation);
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Aglais',
      version,
      description: 'A Spark cluster for every notebook, and what happens to it.'
    },
    servers: [{ url: '/api/v1' }],
    security: [{ bearer: [] }],
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { StreamMessage }
    },
    paths
  });
}
