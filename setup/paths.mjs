import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/** The checkout of these scripts. */
export const checkout = resolve(
  import.meta.dirname ?? new URL('.', import.meta.url).pathname,
  '..'
);

export const venv = join(checkout, '.venv');
export const python = join(venv, 'bin', 'python');
export const sparkHome = join(venv, 'spark');
export const node = join(checkout, 'node_modules', '.bin', 'node');

/** The user's own data, which outlives a checkout: catalogues and notebooks. Set it with AGLAIS_DATA. */
export const data = resolve(
  process.env.AGLAIS_DATA ??
    join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'aglais')
);
export const notebooks = join(data, 'notebooks');

/** A cache of slow build results, for all checkouts of a user. Set it with AGLAIS_CACHE. */
export const cache = resolve(
  process.env.AGLAIS_CACHE ??
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'aglais')
);

const name = `${basename(checkout)}-${createHash('sha256').update(checkout).digest('hex').slice(0, 6)}`;

/** The state of the server; one for each checkout, so that two can run at once. Set it with AGLAIS_STATE. */
export const state = resolve(process.env.AGLAIS_STATE ?? join(data, 'state', name));
