import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ShareProbe, type ShareNews, type ShareProbeOptions } from './share-probe.js';

/** A file in the cluster's directory, one observation per line; the server copies it. */
export const SHARE_REPORTS = 'shares.jsonl';
/** Maximum number of lines: a flapping share must not fill the disk. */
const MAX_LINES = 2_000;

/** A directory in which shares are mounted. */
export interface MountedShares {
  /** Their names. */
  shares: string[];
  path: string;
}

/** The result of a probe as an observation (ShareObservation of `diagnosis`) without its place. */
export function shareReport(share: string, { state, at, since, message }: ShareNews): object {
  const available = state === 'healthy';
  return { kind: 'share', share, available, ...(!available && { state, since }), at, message };
}

/** Parses AGLAIS_SHARES: `[{"shares": ["gaia"], "path": "/data/gaia"}]`. */
export function readMountedShares(text: string | undefined): MountedShares[] {
  if (!text) return [];
  return JSON.parse(text) as MountedShares[];
}

/** Probes all of them until it is closed, and writes each change to `shares.jsonl`. */
export function reportShares(
  directory: string,
  mounted: readonly MountedShares[],
  options: ShareProbeOptions = {}
): { close(): void } {
  let left = MAX_LINES;
  let queue: Promise<unknown> = Promise.resolve();
  const probes = mounted.map(
    ({ shares, path }) =>
      new ShareProbe(
        path,
        news => {
          left -= shares.length;
          if (left < 0) return;
          const lines = shares.map(share => `${JSON.stringify(shareReport(share, news))}\n`);
          queue = queue
            .then(() => append(directory, lines.join('')))
            .catch((error: unknown) =>
              console.error(
                `aglais: ${path} is ${news.state}, which could not be written to ${SHARE_REPORTS}: ${(error as Error).message}`
              )
            );
        },
        options
      )
  );
  return { close: () => probes.forEach(probe => probe.close()) };
}

/** User code runs in the driver and can create a link or a pipe there: only a regular file is written. */
async function append(directory: string, text: string): Promise<void> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
  const file = await open(join(directory, SHARE_REPORTS), flags, 0o644);
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a plain file');
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}
