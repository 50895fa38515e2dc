import { access, readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { Share, type ShareStatus } from '@aglais/protocol';
import { parse } from 'yaml';
import { z } from 'zod';

/** A share that was declared wrongly or cannot be read is listed with its problem; the others are not disturbed. */
export interface DeclaredShare {
  /** The YAML file. */
  file: string;
  /** Null if the declaration itself is wrong. */
  share: Share | null;
  problem: string | null;
}

/** All shares declared in `directory/*.yaml`, with their paths resolved and looked at. */
export async function readShares(
  directory: string,
  dataDirectory: string
): Promise<DeclaredShare[]> {
  const names = await readdir(directory).catch(() => []);
  const files = names.filter(name => /\.ya?ml$/.test(name)).sort();
  return Promise.all(files.map(name => readShare(join(directory, name), directory, dataDirectory)));
}

async function readShare(
  file: string,
  directory: string,
  dataDirectory: string
): Promise<DeclaredShare> {
  try {
    const declared = Share.safeParse(parse(await readFile(file, 'utf8')));
    if (!declared.success) {
      const problem = `${file} does not declare a share: ${z.prettifyError(declared.error)}`;
      return { file, share: null, problem };
    }
    const path = declared.data.path.replaceAll('${AGLAIS_DATA}', dataDirectory);
    const share = { ...declared.data, path: isAbsolute(path) ? path : resolve(directory, path) };
    return { file, share, problem: await problemOf(share) };
  } catch (error) {
    return { file, share: null, problem: `${file} cannot be read: ${(error as Error).message}` };
  }
}

async function problemOf(share: Share): Promise<string | null> {
  for (const table of share.tables) {
    const path = join(share.path, table.path);
    const readable = await access(path).then(
      () => true,
      () => false
    );
    if (!readable) {
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
