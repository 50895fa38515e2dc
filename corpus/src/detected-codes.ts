import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FindingCode } from '@aglais/protocol';

/** The codes that detectors can report; cases that expect any other code are skipped. */
export async function detectedCodes(): Promise<Set<FindingCode>> {
  const detectors = join(
    dirname(fileURLToPath(import.meta.resolve('@aglais/diagnosis'))),
    'detectors'
  );
  const files = (await readdir(detectors, { recursive: true })).filter(name =>
    name.endsWith('.js')
  );
  const texts = await Promise.all(files.map(name => readFile(join(detectors, name), 'utf8')));
  return new Set(
    FindingCode.options.filter(code => texts.some(text => text.includes(`'${code}'`)))
  );
}
