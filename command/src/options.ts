import { parseArgs } from 'node:util';

export const FORMATS = ['text', 'json', 'markdown', 'html'] as const;
export type Format = (typeof FORMATS)[number];

export const EVIDENCE_KINDS = [
  'pods',
  'events',
  'yarn',
  'cgroup',
  'stderr',
  'client',
  'evidence'
] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

/** A file of evidence in addition to the event log. */
export interface EvidenceFile {
  kind: EvidenceKind;
  path: string;
}

export interface Options {
  /** Files and directories; `-` is standard input. */
  paths: string[];
  evidence: EvidenceFile[];
  format: Format;
  /** Only findings that were last seen at this time or later, ms since the epoch. */
  since: number | null;
  follow: boolean;
  /** Where to write; null: standard output. */
  output: string | null;
  /** For several applications: print their findings below the table. */
  details: boolean;
}

/** Invalid command-line arguments. The message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `Usage: aglais diagnose PATH… [options]

Diagnoses why a Spark application failed or was slow. PATH is an event log: a file, a rolling directory,
a directory of logs (prints a table), or - for standard input.

Additional evidence; each option may be repeated:
  --pods FILE       output of kubectl get pods -o json (also with --watch)
  --events FILE     output of kubectl get events -o json (also with --watch)
  --yarn FILE       YARN application report or container diagnostics
  --cgroup FILE     files of a memory cgroup as a JSON object, by file name
  --stderr FILE     log of the driver or an executor
  --client FILE     exception that the notebook got
  --evidence FILE   observations as JSON lines

Output:
  --format FORMAT   text, json, markdown or html (default: by the extension of the output file, or text)
  -o, --output FILE write to FILE
  --since TIME      only findings seen since TIME, e.g. 2h, 30m, 7d, 2026-11-20T18:00
  --details         for several applications, print the findings of each below the table
  -f, --follow      follow a growing log until Ctrl-C
  -h, --help        show this help
  --version         show the version

Exit status: 0 no problems found, 1 errors or warnings found, 2 usage error or unreadable input.`;

const FILE = { type: 'string', multiple: true } as const;

/**
 * Parses the arguments after `aglais`.
 * @param now for times such as `2h`, ms since the epoch
 * @throws UsageError if they are invalid
 */
export function readOptions(args: readonly string[], now: number): Options | 'help' | 'version' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  if (values.version) return 'version';
  const [command, ...paths] = positionals;
  if (command === 'help') return 'help';
  if (command === undefined) throw new UsageError('Missing command. Available: diagnose');
  if (command !== 'diagnose') {
    throw new UsageError(`Unknown command ${JSON.stringify(command)}. Available: diagnose`);
  }
  if (paths.length === 0) throw new UsageError('Missing PATH: specify a file, a directory, or -');
  const evidence = EVIDENCE_KINDS.flatMap(kind =>
    (values[kind] ?? []).map(path => ({ kind, path }))
  );
  const stdin = [...paths, ...evidence.map(({ path }) => path)].filter(path => path === '-');
  if (stdin.length > 1) throw new UsageError('Standard input (-) can be specified only once');
  const output = values.output ?? null;
  const format = readFormat(values.format) ?? formatOf(output);
  const follow = values.follow ?? false;
  if (follow && paths.length > 1) throw new UsageError('--follow accepts a single log');
  if (follow && output === null && (format === 'html' || format === 'markdown')) {
    throw new UsageError(
      `--follow with ${format} requires --output FILE, which it keeps up to date`
    );
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
        cgroup: FILE,
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
    // The rest of Node's message is for programmers.
    throw new UsageError((error as Error).message.split('. To ')[0]);
  }
}

function readFormat(name: string | undefined): Format | null {
  if (name === undefined) return null;
  const format = FORMATS.find(known => known === (name === 'md' ? 'markdown' : name));
  if (!format) {
    throw new UsageError(
      `Unknown format ${JSON.stringify(name)}. Available: ${FORMATS.join(', ')}`
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
  // Date.parse accepts too much ("1", "May"): only ISO 8601 is allowed.
  const iso = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}.*))?$/.exec(text);
  // A date means local midnight; Date.parse alone would take it as UTC.
  const at = iso ? Date.parse(`${iso[1]}T${iso[2] ?? '00:00'}`) : NaN;
  if (Number.isNaN(at)) {
    throw new UsageError(
      `Invalid time ${JSON.stringify(text)}: use e.g. 2h, 30m, 7d or 2026-11-20T18:00`
    );
  }
  return at;
}
