import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Diagnosis, observeEventLine, observeEvidenceLine } from '@aglais/diagnosis';
import type { Executor, Finding } from '@aglais/protocol';

/** What the library concludes from the directory that was kept of a cluster that is over. */
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

/** What two answers to the same question have to agree in: all that a person is told. */
export function told({ id, code, confidence, title, count, subject }: Finding): string {
  const executors = [...(subject.executors ?? [])].sort().join();
  return `${id} · ${code} · ${confidence} · ${count} · ${executors} · ${title}`;
}
