import { createHash } from 'node:crypto';
import type { KubernetesConfig } from '../kubernetes-config.js';

/** Of a DNS label (RFC 1123). */
const LONGEST = 63;
const HASH_DIGITS = 32;

/** Whether each user has a namespace, so that all of them have to be watched. */
export const perUser = (config: Pick<KubernetesConfig, 'namespace'>) =>
  config.namespace.includes('{user}');

/**
 * The namespace of a user's clusters. Two users never have the same: what does not fit into a name of this length is
 * replaced by its hash, and only such names have the full length.
 */
export function namespaceOf(config: Pick<KubernetesConfig, 'namespace'>, user: string): string {
  const name = config.namespace.replaceAll('{user}', () => dnsName(user));
  if (name.length < LONGEST || !perUser(config)) return name;
  const hash = createHash('sha256').update(user).digest('hex').slice(0, HASH_DIGITS);
  return `${name.slice(0, LONGEST - HASH_DIGITS - 1)}-${hash}`;
}

/**
 * A user's name as a reversible part of a DNS label: each character other than a-z and 0-9 becomes its code between two
 * hyphens. A label must not start or end with a hyphen: there it gets an "x", as does a label that could be mistaken
 * for one that got it.
 */
function dnsName(user: string): string {
  if (user === '') return 'x-x';
  return [...user]
    .map(letter => (/[a-z0-9]/.test(letter) ? letter : `-${letter.codePointAt(0)!.toString(16)}-`))
    .join('')
    .replace(/^x*-/, 'x$&')
    .replace(/-x*$/, '$&x');
}
