import { readdir, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { Share, type ShareStatus } from '@aglais/protocol';
import { probeOnce } from '@aglais/witness/share-probe';
import { parse } from 'yaml';
import { z } from 'zod';
import { exists } from '../store/files.js';

/** A share; one with an invalid or unreadable declaration is listed with its problem and does not affect the others. */
export interface DeclaredShare {
  /** The YAML file. */
  file: string;
  /** Null if the declaration itself is invalid. */
  share: Share | null;
  problem: string | null;
}

/** Where Spark finds the data of a declared share, and what is wrong with that location. */
export type SharePlace = (
  declared: Share,
  file: string
) => Promise<{ path: string; problem: string | null }>;

/** Data on this machine's file systems, which can be checked. */
export function onThisMachine(dataDirectory: string): SharePlace {
  return async (declared, file) => {
    const written = declared.path.replaceAll('${AGLAIS_DATA}', dataDirectory);
    const path = isAbsolute(written) ? written : resolve(dirname(file), written);
    return { path, problem: await problemOf({ ...declared, path }) };
  };
}

/**
 * All shares declared in `directory/*.yaml`, and by data with a declaration of its own (`<data
 * directory>/catalogues/NAME/share.yaml`), with resolved and checked paths.
 */
export async function readShares(
  directory: string,
  dataDirectory: string,
  place: SharePlace = onThisMachine(dataDirectory)
): Promise<DeclaredShare[]> {
  const declared = (await namesIn(directory))
    .filter(name => /\.ya?ml$/.test(name))
    .map(name => join(directory, name));
  const data = join(dataDirectory, 'catalogues');
  const brought = (await namesIn(data)).map(name => join(data, name, 'share.yaml'));
  const files = [...declared, ...(await existing(brought))];
  const shares = await Promise.all(files.map(file => readShare(file, place)));
  return shares.map((one, index) => {
    const first = shares.slice(0, index).find(({ share }) => share && share.id === one.share?.id);
    if (!first) return one;
    const problem =
      `${one.file} declares the share ${one.share!.id}, which ${first.file} declares too. ` +
      'The first one is used; give this one another id.';
    return { file: one.file, share: null, problem };
  });
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}

async function existing(files: readonly string[]): Promise<string[]> {
  const there = await Promise.all(files.map(exists));
  return files.filter((_, index) => there[index]);
}

async function readShare(file: string, place: SharePlace): Promise<DeclaredShare> {
  try {
    const declared = Share.safeParse(parse(await readFile(file, 'utf8')));
    if (!declared.success) {
      const problem = `${file} does not declare a share: ${z.prettifyError(declared.error)}`;
      return { file, share: null, problem };
    }
    const { path, problem } = await place(declared.data, file);
    return { file, share: { ...declared.data, path }, problem };
  } catch (error) {
    return { file, share: null, problem: `${file} cannot be read: ${(error as Error).message}` };
  }
}

async function problemOf(share: Share): Promise<string | null> {
  // In another process: a file system that hangs would block threads of this one, which has only four.
  if ((await probeOnce(share.path)) === 'hung') {
    return (
      `The share ${share.id} at ${share.path} does not answer: its file server hangs. ` +
      'Other shares can be used; clusters that start when it answers again have this one, too.'
    );
  }
  for (const table of share.tables) {
    const path = join(share.path, table.path);
    if (!(await exists(path))) {
      return (
        `The table ${share.id}.${table.name} is not at ${path}. ` +
        'Other shares can be used; put the data there or correct the path in the declaration.'
      );
    }
  }
  return null;
}

export function shareStatus({ share, problem }: DeclaredShare): ShareStatus | null {
  return share && { ...share, available: problem === null, problem };
}
