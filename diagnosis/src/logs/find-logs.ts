import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codecOf, MAGIC_BYTES } from '../codecs/codec.js';
import { decodedBytes } from './decoded-bytes.js';
import { headOfFile } from './file-bytes.js';
import { STDIN, type LogPart, type LogSource } from './log-source.js';
import {
  applicationOf,
  compare,
  deliveredOrder,
  rollingOrder,
  rollingPart
} from './log-file-names.js';
import { readZip } from './zip.js';

/** Databricks stores logs four directories deep; a directory that contains itself must not cause an endless loop. */
const DEEPEST = 8;

/**
 * The logs at these paths: a path is a file, a rolling directory, a directory of delivered parts, a zip of any of
 * these, a directory of logs (searched; files that are not event logs are skipped) or `-`. A file that is named
 * directly is always read as a log.
 * @throws the error of the file system for a path that does not exist or cannot be read
 */
export async function findLogs(paths: readonly string[]): Promise<LogSource[]> {
  const sources: LogSource[] = [];
  for (const path of paths) {
    if (path === STDIN) {
      sources.push(fromStream(path, 'standard input'));
      continue;
    }
    const stats = await stat(path);
    if (stats.isDirectory()) sources.push(...(await inDirectory(path, 0)));
    else if (stats.isFile()) sources.push(...(await fromFile(path)));
    else sources.push(fromStream(path, basename(path)));
  }
  return sources;
}

/** Standard input, or a named pipe. */
function fromStream(path: string, name: string): LogSource {
  return {
    name,
    kind: 'stream',
    paths: [path],
    parts: [{ path, file: path, stream: true }],
    bytes: null,
    inProgress: false,
    directory: null,
    problems: []
  };
}

async function fromFile(path: string): Promise<LogSource[]> {
  const head = await headOfFile(path, MAGIC_BYTES);
  if (codecOf(head) !== 'zip') return [await single(path)];
  const { entries, problem } = await readZip(path);
  const parts = entries.map(entry => ({ path: `${path}!${entry.name}`, file: path, entry }));
  const sources = await grouped(parts, () => Promise.resolve(true));
  const problems = problem === null ? [] : [{ path, message: problem }];
  if (sources.length === 0) {
    const message = problem ?? 'the zip is empty';
    return [{ ...(await single(path)), parts: [], problems: [{ path, message }] }];
  }
  sources[0]!.problems.push(...problems);
  return sources;
}

async function single(path: string): Promise<LogSource> {
  return source('file', applicationOf(basename(path)), [{ path, file: path }]);
}

async function inDirectory(path: string, depth: number): Promise<LogSource[]> {
  const entries = await readdir(path, { withFileTypes: true });
  const isFile = await Promise.all(
    entries.map(async entry =>
      entry.isSymbolicLink()
        ? await stat(join(path, entry.name)).then(
            target => target.isFile(),
            () => false
          )
        : entry.isFile()
    )
  );
  const files = entries
    .filter((_, i) => isFile[i])
    .map(({ name }) => ({ path: join(path, name), file: join(path, name) }));
  const sources = await grouped(files, looksLikeLog);
  if (depth >= DEEPEST) return sources;
  const folders = entries.filter(entry => entry.isDirectory() && !entry.name.startsWith('.'));
  for (const { name } of folders.sort((a, b) => compare(a.name, b.name))) {
    sources.push(...(await inDirectory(join(path, name), depth + 1)));
  }
  return sources;
}

/** Groups the files of one or several directories into logs by their names. */
async function grouped(
  parts: LogPart[],
  isLog: (part: LogPart) => Promise<boolean>
): Promise<LogSource[]> {
  const sources: LogSource[] = [];
  const folders = Map.groupBy(parts, folderOf);
  for (const [folder, inFolder] of [...folders].sort(([a], [b]) => compare(a, b))) {
    const byName = new Map(inFolder.map(part => [nameOf(part), part]));
    const names = [...byName.keys()].sort(compare);
    const take = (taken: readonly string[]): LogPart[] => taken.map(name => byName.get(name)!);
    const rolling = rollingOrder(names);
    if (rolling.names.length > 0) {
      const log = await source('rolling', applicationOf(nameOfFolder(folder)), take(rolling.names));
      log.inProgress = names.some(name => /^appstatus_.*\.inprogress$/.test(name));
      if (!folder.includes('!')) log.directory = folder;
      for (const index of rolling.missing) {
        log.problems.push({ path: folder, message: `the part events_${index}_… is missing` });
      }
      sources.push(log);
      continue;
    }
    const delivered = deliveredOrder(names);
    if (delivered.length > 0) {
      const logs = await unzipped(take(delivered));
      sources.push(await source('delivered', nameOfFolder(folder), logs));
    }
    for (const name of names) {
      const part = byName.get(name)!;
      if (delivered.includes(name) || isNoise(name) || !(await isLog(part))) continue;
      if (part.entry) sources.push(await source('file', applicationOf(name), [part]));
      else sources.push(...(await fromFile(part.file)));
    }
  }
  return sources;
}

const nameOf = ({ file, entry }: LogPart): string => basename(entry?.name ?? file);

/** The directory of a file; in a zip it follows the path of the zip. */
function folderOf({ file, entry }: LogPart): string {
  if (!entry) return dirname(file);
  return entry.name.includes('/') ? `${file}!${dirname(entry.name)}` : `${file}!`;
}

const nameOfFolder = (folder: string): string =>
  basename(folder.replace(/!$/, '').replace('!', '/'));

/** Checksums of Hadoop's local file system, hidden files, the status file of a rolling log. */
const isNoise = (name: string): boolean =>
  name.startsWith('.') || name.startsWith('appstatus_') || name.endsWith('.crc');

/** Delivered parts may be zip files: they are replaced by their entries. */
async function unzipped(parts: LogPart[]): Promise<LogPart[]> {
  const all: LogPart[] = [];
  for (const part of parts) {
    const packed = !part.entry && codecOf(await headOfFile(part.file, MAGIC_BYTES)) === 'zip';
    if (!packed) {
      all.push(part);
      continue;
    }
    const { entries } = await readZip(part.file);
    const sorted = entries.sort((a, b) => compare(a.name, b.name));
    // A zip that cannot be opened is kept: reading it reports the error.
    if (sorted.length === 0) all.push(part);
    for (const entry of sorted) {
      all.push({ path: `${part.path}!${entry.name}`, file: part.file, entry });
    }
  }
  return all;
}

async function source(kind: LogSource['kind'], name: string, parts: LogPart[]): Promise<LogSource> {
  let bytes = 0;
  for (const { file, entry } of parts) {
    const size = (await stat(file)).size;
    bytes += entry ? Math.min(entry.end, size) - entry.start : size;
  }
  return {
    name,
    kind,
    paths: parts.map(({ path }) => path),
    parts,
    bytes,
    inProgress: parts.some(({ path }) => path.endsWith('.inprogress')),
    directory: null,
    problems: []
  };
}

/** Whether a file starts like an event log, after decoding; false for unreadable files. */
async function looksLikeLog(part: LogPart): Promise<boolean> {
  if (rollingPart(basename(part.path))) return true;
  try {
    if (codecOf(await headOfFile(part.file, MAGIC_BYTES)) === 'zip') {
      const { entries } = await readZip(part.file);
      const first = entries.find(({ name }) => !isNoise(basename(name)));
      return first !== undefined && (await looksLikeLog({ ...part, entry: first }));
    }
    for await (const chunk of decodedBytes(part)) {
      return /^\s*\{\s*"Event"\s*:\s*"/.test(Buffer.from(chunk).toString('latin1', 0, 200));
    }
    return false;
  } catch {
    return false;
  }
}
