import { z } from 'zod';

/** Text without the character NUL, which no database that we use takes: ids, paths and names that are stored. */
export const plainText = () =>
  z.string().regex(/^[^\u0000]*$/, { message: 'must not contain the character NUL (U+0000)' });
