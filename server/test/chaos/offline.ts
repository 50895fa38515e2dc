import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Diagnosis, observeEventLine, observeEvidenceLine } from '@aglais/diagnosis';
import type { Executor, Finding } from '@aglais/protocol';

/** The findings of the library from the stored directory of an ended cluster. */
export async function diagnoseKept(
  directory: string
): Promise<{ findings: Finding[]; executors: Executor[]; begins: number }> {
  const diagnosis = new Diagnosis();
  let begins = 0;
  for (const [number, text] of await lines(join(directory, 'live.jsonl'))) {
    if (text.includes('"SparkListenerLogStart"')) begins += 1;
    observeEventLine(diagnosis, text, `live.jsonl:${number}`);
  }
  for (const [number, text] of await lines(join(directory, 'evidence.jsonl')))
    observeEvidenceLine(diagnosis, text, `evidence.jsonl:${number}`);
  diagnosis.close();
  return { findings: diagnosis.findings(), executors: diagnosis.executors(), begins };
}

async function lines(path: string): Promise<[number, string][]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(line => line !== '')
    .map((line, index) => [index + 1, line]);
}

/** The parts of two findings that must be equal: everything that is shown to users. */
export function told({ id, code, confidence, title, count, subject }: Finding): string {
  const executors = [...(subject.executors ?? [])].sort().join();
  return `${id} · ${code} · ${confidence} · ${count} · ${executors} · ${title}`;
}
