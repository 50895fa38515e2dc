import { z } from 'zod';

/** An error of the API (RFC 9457, application/problem+json). */
export const Problem = z
  .looseObject({
    type: z.string().describe('urn:aglais:problem:<kind>'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('What happened, what was kept, what to do next'),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .describe('What is wrong with the request, field by field')
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;
