import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ShareProbe, type ShareNews, type ShareProbeOptions } from './share-probe.js';

/** In the cluster's directory, where its reader fetches it: one observation a line. */
export const SHARE_REPORTS = 'shares.jsonl';
/** A share that comes and goes for weeks must not fill the disk. */
const LINES = 2_000;

/** A folder that shares are mounted in. */
export interface MountedShares {
  /** Their names. */
  shares: string[];
  path: string;
}

/** What a probe found, as the evidence has it (ShareObservation of `diagnosis`), without where it was read. */
export function shareReport(share: string, { state, at, since, message }: ShareNews): object {
  const available = state === 'healthy';
  return { kind: 'share', share, available, ...(!available && { state, since }), at, message };
}

/** Reads AGLAIS_SHARES: `[{"shares": ["gaia"], "path": "/data/gaia"}]`. */
export function readMountedShares(text: string | undefined): MountedShares[] {
  if (!text) return [];
  return JSON.parse(text) as MountedShares[];
}

/** Looks at all of them until it is closed, and writes down what changes. */
export function reportShares(
  directory: string,
  mounted: readonly MountedShares[],
  options: ShareProbeOptions = {}
): { close(): void } {
  let left = LINES;
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
                `aglais: ${path} is ${news.state}, which could not be written down: ${(error as Error).message}`
              )
            );
        },
        options
      )
  );
  return { close: () => probes.forEach(probe => probe.close()) };
}

/** User code runs in the driver: a link or a pipe that it put there is not followed, and not waited for. */
async function append(directory: string, text: string): Promise<void> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
  const file = await open(join(directory, SHARE_REPORTS), flags, 0o644);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}
