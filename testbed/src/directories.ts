import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The checkout; this file is compiled into testbed/dist. */
export const checkout = resolve(import.meta.dirname, '..', '..');

export interface Directories {
  /** Build results, which can be built again. Set it with AGLAIS_CACHE. */
  cache: string;
  /** State of the running cluster: sockets, keys, logs, images. Set it with AGLAIS_TESTBED. */
  state: string;
  /** The catalogues on the node for pods. */
  catalogues: string;
}

/** Unix sockets in it need about 60 more characters; the maximum is 107 (unix(7)). */
const LONGEST_STATE = 60;

/** @throws Error if the path of the state directory is too long for sockets */
export function directories(env: NodeJS.ProcessEnv = process.env): Directories {
  const home = (variable: string, ...otherwise: string[]) =>
    env[variable] ?? join(env.HOME ?? homedir(), ...otherwise);
  const data = resolve(env.AGLAIS_DATA ?? join(home('XDG_DATA_HOME', '.local', 'share'), 'aglais'));
  const cache = resolve(env.AGLAIS_CACHE ?? join(home('XDG_CACHE_HOME', '.cache'), 'aglais'));
  const state = resolve(env.AGLAIS_TESTBED ?? join(data, 'testbed'));
  if (state.length > LONGEST_STATE)
    throw new Error(
      `${state} is too long for the testbed's sockets (${state.length} characters, at most ${LONGEST_STATE}). ` +
        'Name a shorter directory with AGLAIS_TESTBED.'
    );
  return { cache: join(cache, 'testbed'), state, catalogues: join(data, 'catalogues') };
}
