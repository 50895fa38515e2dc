/**
 * The part of the server's environment that its child processes get. User code runs in some of them and can read all of
 * it: passwords of the database, keys of the object store and tokens are not in this list.
 */
const ALLOWED = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'TMPDIR',
  'JAVA_HOME',
  'JAVA_TOOL_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'LD_LIBRARY_PATH',
  'PYTHONPATH',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE'
];

/** May hold a password: `http://user:password@proxy`. */
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];

/**
 * The environment of a child process.
 * @param more additional names; `NAME_*` stands for all with this prefix
 */
export function childEnvironment(
  more: readonly string[] = [],
  from: NodeJS.ProcessEnv = process.env
): Record<string, string> {
  const isAllowed = (name: string, value: string) =>
    [...ALLOWED, ...more].some(pattern => matches(pattern, name)) ||
    (PROXIES.includes(name.toUpperCase()) && !value.includes('@'));
  return Object.fromEntries(
    Object.entries(from).flatMap(([name, value]) =>
      value !== undefined && isAllowed(name, value) ? [[name, value]] : []
    )
  );
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
