import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import { linesOf, observeEvidenceLine, type Diagnosis } from '@aglais/diagnosis';
import { plainError } from './logs.js';
import type { EvidenceFile } from './options.js';

/**
 * Feeds files of other evidence into a diagnosis: all that the command wants of their readers.
 * A file that cannot be read is told by `onUnread`, and the others go on.
 */
export async function readEvidence(
  diagnosis: Diagnosis,
  files: readonly EvidenceFile[],
  onUnread: (path: string, message: string) => void
): Promise<void> {
  for (const { kind, path } of files) {
    try {
      if (kind === 'evidence') {
        for await (const { text: line, number } of linesOf(path)) {
          observeEvidenceLine(diagnosis, line, `${path}:${number}`);
        }
      } else {
        await text(path === '-' ? process.stdin : createReadStream(path));
        onUnread(path, `evidence of the kind --${kind} is not understood yet`);
      }
    } catch (error) {
      onUnread(path, plainError(error));
    }
  }
}

/** Evidence that does not say which application it is of, so that it can only be of the one. */
export function anonymous({ kind }: EvidenceFile): boolean {
  return kind === 'stderr' || kind === 'client' || kind === 'evidence';
}
