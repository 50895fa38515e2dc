import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { namespaceOf } from '../../src/launchers/kubernetes/objects/user-namespace.js';

const LABEL = /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const of = (user: string, namespace = 'aglais-{user}') => namespaceOf({ namespace }, user);

/** Typical names of users, and some that differ only in characters that a label cannot contain. */
const users = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'A', 'x', '-', '_', '5', 'f', '.', 'é', ' '),
    maxLength: 12
  }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: fc.constantFrom('a', '_', 'x'), minLength: 40, maxLength: 80 }),
  fc.emailAddress()
);
const patterns = fc.constantFrom(
  '{user}',
  'aglais-{user}',
  '{user}-spark',
  'a-{user}-x',
  '{user}{user}'
);

describe('The namespace of a user', () => {
  it("is the user's name if it fits into a label", () => {
    expect(of('ada')).toBe('aglais-ada');
    expect(of('ada.lovelace@example.org')).toBe('aglais-ada-2e-lovelace-40-example-2e-org');
    expect(of('ada', 'aglais')).toBe('aglais');
  });

  it('differs from that of other users, whose name differs in case, punctuation or length', () => {
    fc.assert(
      fc.property(users, users, patterns, (one, other, pattern) => {
        fc.pre(one !== other);
        expect(of(one, pattern)).not.toBe(of(other, pattern));
      }),
      { numRuns: 3_000 }
    );
    for (const [one, other] of [
      ['Ann', 'ann'],
      ['a_', 'a_x'],
      ['_a', 'x_a'],
      ['x_a', 'xx_a'],
      ['', 'x']
    ] as const)
      expect(of(one, '{user}')).not.toBe(of(other, '{user}'));
  });

  it('cannot be taken by a user whose name spells the hash of a longer one', () => {
    const long = of(`${'a'.repeat(80)}_`);
    expect(long).toHaveLength(63);
    // Only hashed names have the full length: no shorter name becomes one, whatever it spells.
    const spelled = long.slice('aglais-'.length);
    expect(of(spelled)).not.toBe(long);
  });

  it('is a DNS label', () => {
    fc.assert(
      fc.property(users, patterns, (user, pattern) => {
        expect(of(user, pattern)).toMatch(LABEL);
      }),
      { numRuns: 1_000 }
    );
  });
});
