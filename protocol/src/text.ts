import { z } from 'zod';

/**
 * Text that every part of the system can store unchanged: PostgreSQL does not accept NUL, and half of a surrogate pair
 * has no UTF-8.
 * @param max characters (code points, as in JSON Schema)
 */
export function Text(max: number, min = 0): z.ZodString {
  return (
    z
      .string()
      // eslint-disable-next-line no-control-regex -- NUL is what is refused
      .regex(/^[^\u0000]*$/, 'must not contain the character NUL')
      .refine(text => text.isWellFormed(), { message: 'is not valid Unicode' })
      .refine(text => hasLength(text, min, max), {
        message: `must have ${min > 0 ? `${min} to ` : 'at most '}${max} characters`
      })
      .meta({ maxLength: max, ...(min > 0 && { minLength: min }) })
  );
}

/** Avoids counting the characters of a text that is much too long. */
function hasLength(text: string, min: number, max: number): boolean {
  if (text.length > 2 * max) return false;
  const { length } = text.length > max ? [...text] : text;
  return length >= min && length <= max;
}

/** The maximum of JavaScript's Date. */
const LAST_TIME = 8_640_000_000_000_000;

/** ms since the epoch. */
export const Time = z.number().int().min(0).max(LAST_TIME);

/** A counter that fits into a 32-bit integer column. */
export const Count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1);
