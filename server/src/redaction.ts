/** Replaces a secret. */
export const REDACTED = '[redacted]';

/** Shorter values are not replaced: they would occur everywhere. */
const MIN_SECRET = 4;

/**
 * Names of secrets in connection strings, environments, headers and JSON: as a part of a name, and as a whole word of
 * it.
 */
const NAMES =
  'password|passwd|passphrase|secret|api[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key|' +
  '(?<![a-z0-9])(?:token|pwd|pass|sig|signature|credential)';
const SEPARATOR = '\\\\*["\']?\\s*(?:=|%3d|:)\\s*';
/** Quoted as in JSON; as in nested JSON; as in libpq. */
const QUOTED = `"(?:\\\\.|[^"\\\\])*(?:"|$)|\\\\+"[^]*?(?:\\\\+"|$)|'(?:\\\\.|''|[^'\\\\])*(?:'|$)`;
/** Up to whitespace, a quote or the next parameter. */
const PLAIN = `(?:\\\\.|[^\\s&"'\\\\])+`;
const NAMED = new RegExp(`(${NAMES})(${SEPARATOR})(${QUOTED}|${PLAIN})`, 'gi');

const ADDRESS = /:\/\/(?:\\.|[^\s"'<>\\])+/g;
const SCHEME = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;
const RECOGNIZABLE = [
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /(?<![\w-])eyJ[\w-]{10,4000}\.[\w-]{10,4000}\.[\w-]{0,4000}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g
];

/**
 * Removes passwords, tokens and keys from a log line or an error message, in all their encodings. When in doubt it
 * removes more: of a URL with a password, everything before the last `@`. JSON stays valid JSON.
 * @param known values that are redacted wherever they occur, for example the password of the database
 */
export function redact(text: string, known: Iterable<string> = []): string {
  let result = text;
  for (const secret of known) {
    for (const form of formsOf(secret)) result = result.replaceAll(form, REDACTED);
  }
  result = result
    .replace(ADDRESS, withoutUser)
    .replace(SCHEME, `$1 ${REDACTED}`)
    .replace(NAMED, (_all, name: string, separator: string, value: string) => {
      const open = /^\\*["']/.exec(value)?.[0] ?? '';
      const isClosed = open !== '' && value.length > open.length && value.endsWith(open);
      return `${name}${separator}${open}${REDACTED}${isClosed ? open : ''}`;
    });
  for (const pattern of RECOGNIZABLE) result = result.replace(pattern, REDACTED);
  return result;
}

/** @param address from its `://` on */
function withoutUser(address: string): string {
  const last = address.lastIndexOf('@');
  if (last < 0) return address;
  if (address.indexOf(':', 3) < last && address.includes(':', 3)) {
    return `://${REDACTED}${address.slice(last)}`;
  }
  // A token alone; an @ in a path is not a token.
  const authority = address.slice(3).split(/[/?#]/)[0]!;
  const at = authority.lastIndexOf('@');
  return at < 0 ? address : `://${REDACTED}${address.slice(3 + at)}`;
}

/** Verbatim, and encoded as in a URL and in JSON. */
function formsOf(secret: string): Set<string> {
  const forms = [secret, encodeURIComponent(secret), encodeURI(secret)];
  const inJson = forms.map(form => JSON.stringify(form).slice(1, -1));
  return new Set([...forms, ...inJson].filter(form => form.length >= MIN_SECRET));
}

/** The passwords in the URL of a database, decoded and encoded. */
export function passwordsOf(address: string): string[] {
  const url = URL.parse(address);
  const given = [url?.password ?? '', ...(url?.searchParams.getAll('password') ?? [])];
  return given.flatMap(text => {
    try {
      return [text, decodeURIComponent(text)];
    } catch {
      return [text];
    }
  });
}
