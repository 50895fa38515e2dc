import { parseArgs } from 'node:util';

export const FORMATS = ['text', 'json', 'markdown', 'html'] as const;
export type Format = (typeof FORMATS)[number];

export const EVIDENCE_KINDS = ['pods', 'events', 'yarn', 'stderr', 'client', 'evidence'] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

/** A file of evidence beside the event log. */
export interface EvidenceFile {
  kind: EvidenceKind;
  path: string;
}

export interface Options {
  /** Files and directories; `-` is standard input. */
  paths: string[];
  evidence: EvidenceFile[];
  format: Format;
  /** Only findings that were still seen at this time or later, ms since the epoch. */
  since: number | null;
  follow: boolean;
  /** Where to write; null: standard output. */
  output: string | null;
  /** Of many applications: not the table alone. */
  details: boolean;
}

/** What was typed cannot be meant. The message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `Usage: aglais diagnose PATH… [options]

Why did Spark fail, or take so long? PATH is the event log of an application: a file, a rolling
directory, a directory of logs (then a table), or - for standard input.

Other evidence, each may be given more than once:
  --pods FILE       kubectl get pods -o json, or its watch
  --events FILE     kubectl get events -o json, or its watch
  --yarn FILE       YARN application report or container diagnostics
  --stderr FILE     what the driver or an executor wrote
  --client FILE     the exception that the notebook got
  --evidence FILE   JSON lines, each an observation

What to tell, and how:
  --format FORMAT   text, json, markdown or html; else by the name of the output, else text
  -o, --output FILE write there
  --since TIME      only findings seen since, e.g. 2h, 30m, 7d, 2026-11-20T18:00
  --details         of many applications: the findings of each below the table
  -f, --follow      keep watching a log that grows, until Ctrl-C
  -h, --help        this text
  --version         the version

Exit status: 0 nothing wrong, 1 findings that are errors or warnings, 2 something could not be read.`;

const FILE = { type: 'string', multiple: true } as const;

/**
 * Reads the arguments behind `aglais`.
 * @param now for times such as `2h`, ms since the epoch
 * @throws UsageError if they make no sense
 */
export function readOptions(args: readonly string[], now: number): Options | 'help' | 'version' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  if (values.version) return 'version';
  const [command, ...paths] = positionals;
  if (command === 'help') return 'help';
  if (command === undefined) throw new UsageError('What shall be done? There is: diagnose');
  if (command !== 'diagnose') {
    throw new UsageError(`There is no command ${JSON.stringify(command)}. There is: diagnose`);
  }
  if (paths.length === 0) throw new UsageError('Which log? Give a file, a directory, or -');
  const evidence = EVIDENCE_KINDS.flatMap(kind =>
    (values[kind] ?? []).map(path => ({ kind, path }))
  );
  const stdin = [...paths, ...evidence.map(({ path }) => path)].filter(path => path === '-');
  if (stdin.length > 1) throw new UsageError('Standard input (-) can be read only once');
  const output = values.output ?? null;
  const format = readFormat(values.format) ?? formatOf(output);
  const follow = values.follow ?? false;
  if (follow && paths.length > 1) throw new UsageError('--follow watches one log');
  if (follow && output === null && (format === 'html' || format === 'markdown')) {
    throw new UsageError(`--follow with ${format} needs --output FILE, which it keeps up to date`);
  }
  return {
    paths,
    evidence,
    format,
    since: values.since === undefined ? null : readSince(values.since, now),
    follow,
    output,
    details: values.details ?? false
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        pods: FILE,
        events: FILE,
        yarn: FILE,
        stderr: FILE,
        client: FILE,
        evidence: FILE,
        format: { type: 'string' },
        output: { type: 'string', short: 'o' },
        since: { type: 'string' },
        details: { type: 'boolean' },
        follow: { type: 'boolean', short: 'f' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' }
      }
    });
  } catch (error) {
    // The rest of Node's message tells programmers how to allow it.
    throw new UsageError((error as Error).message.split('. To ')[0]);
  }
}

function readFormat(name: string | undefined): Format | null {
  if (name === undefined) return null;
  const format = FORMATS.find(known => known === (name === 'md' ? 'markdown' : name));
  if (!format) {
    throw new UsageError(
      `There is no format ${JSON.stringify(name)}. There are: ${FORMATS.join(', ')}`
    );
  }
  return format;
}

function formatOf(output: string | null): Format {
  switch (/\.([a-z]+)$/i.exec(output ?? '')?.[1]?.toLowerCase()) {
    case 'html':
    case 'htm':
      return 'html';
    case 'md':
    case 'markdown':
      return 'markdown';
    case 'json':
      return 'json';
    default:
      return 'text';
  }
}

const UNIT_MS: Record<string, number> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

function readSince(text: string, now: number): number {
  const ago = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)$/.exec(text);
  if (ago) return now - Number(ago[1]) * UNIT_MS[ago[2]!.charAt(0)]!;
  // Date.parse takes much that nobody means ("1", "May"): only ISO 8601 is a time here.
  const iso = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}.*))?$/.exec(text);
  // A day begins where the reader is; Date.parse alone would take it as UTC.
  const at = iso ? Date.parse(`${iso[1]}T${iso[2] ?? '00:00'}`) : NaN;
  if (Number.isNaN(at)) {
    throw new UsageError(`${JSON.stringify(text)} is no time: say 2h, 30m, 7d or 2026-11-20T18:00`);
  }
  return at;
}
