import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  Diagnosis,
  observeEventLine,
  detectEvidenceKind,
  type EvidenceKind,
  type Observation
} from '../src/index.js';

const HERE = join(import.meta.dirname, 'corpus');
/** The large corpus, if it exists next to the repository or in AGLAIS_CORPUS. */
const LARGE = process.env['AGLAIS_CORPUS'] ?? join(import.meta.dirname, '../../../shared/corpus');

export interface Recorded {
  name: string;
  path: string;
}

export const smallCorpus: Recorded[] = readdirSync(HERE)
  .filter(file => file.endsWith('.jsonl'))
  .map(file => ({ name: file.replace(/\.jsonl$/, ''), path: join(HERE, file) }));

export const largeCorpus: Recorded[] = (
  existsSync(LARGE) ? readdirSync(LARGE, { recursive: true, encoding: 'utf8' }) : []
)
  .filter(file => /^(?:eventlog|q4-tags)/.test(basename(file)))
  .map(file => ({ name: dirname(file), path: join(LARGE, file) }));

export interface Told {
  kind: EvidenceKind;
  file: string;
  content: string;
}

/** Additional files of a log in the large corpus, as far as they are recognized. */
export function toldBeside(log: string): Told[] {
  const folder = dirname(log);
  return readdirSync(folder).flatMap(file => {
    if (/^(?:eventlog|q4-tags)/.test(file)) return [];
    const content = readFileSync(join(folder, file), 'utf8');
    const kind = detectEvidenceKind(content);
    return kind ? [{ kind, file, content }] : [];
  });
}

export function linesOfFile(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean);
}

/** The events of a log as observations, each with its line. */
export function eventsOf(path: string): Observation[] {
  return linesOfFile(path).map((line, index) => ({
    kind: 'event',
    event: JSON.parse(line) as unknown,
    ref: `log:${index + 1}`
  }));
}

export function diagnose(observations: Iterable<Observation>): Diagnosis {
  const diagnosis = new Diagnosis();
  for (const observation of observations) diagnosis.observe(observation);
  return diagnosis;
}

export function diagnoseLines(lines: Iterable<string>): Diagnosis {
  const diagnosis = new Diagnosis();
  let number = 0;
  for (const line of lines) observeEventLine(diagnosis, line, `log:${(number += 1)}`);
  return diagnosis;
}

/** A reading of an executor's memory cgroup, as a launcher reports it. */
export function cgroup(
  executor: string,
  at: number,
  oomKills: number,
  limitMiB = 430,
  pythonMiB?: number
): Observation {
  return {
    kind: 'cgroup',
    executor,
    at,
    oomKills,
    limitMiB,
    peakMiB: limitMiB,
    ...(pythonMiB !== undefined && { processes: [{ pid: 7, name: 'python', rssMiB: pythonMiB }] }),
    quote: `oom_kill ${oomKills}`,
    ref: `cgroup of executor ${executor}`
  };
}
