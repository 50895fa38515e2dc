import { execFile } from 'node:child_process';
import { mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openCgroups } from '@aglais/server/launchers/local/cgroups';
import { families } from '../cases/index.js';
import type { Case, Need } from './case.js';
import type { CorpusEnvironment } from './cluster.js';
import { installation } from './installation.js';
import { keepFiles } from './keep-files.js';
import { detectedCodes } from './detected-codes.js';
import { runGroup } from './run-group.js';
import { groupsOf, select } from './selection.js';
import { formatRows, HEADINGS, row } from './table.js';

/**
 * Runs the cases on a real Spark and checks the findings: `npm run make:corpus [-- NAME…] [--keep DIR]`.
 * Exits with 1 if anything differs from the expected findings. `--report FILE` writes counts for `npm test`.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { keep: { type: 'string' }, list: { type: 'boolean' }, report: { type: 'string' } }
});
const chosen = select(families, positionals);
if (values.list) {
  for (const { name, happens } of chosen) console.log(`${name}: ${happens}`);
  process.exit(0);
}

const group = await openCgroups(`aglais-corpus-${process.pid}`);
const environment: CorpusEnvironment = {
  installation: await installation(),
  cgroup: group,
  directory: await mkdtemp(join(tmpdir(), 'aglais-corpus-'))
};
const missing = await missingNeeds();
const known = await detectedCodes();
const skipped: string[][] = [];
const cases = chosen.filter(one => {
  const why = whySkipped(one);
  if (why !== null) skipped.push([one.name, why]);
  return why === null;
});

const abort = new AbortController();
for (const kind of ['SIGINT', 'SIGTERM'] as const) process.on(kind, () => abort.abort());

const rows: string[][] = [];
const wrong: string[] = [];
for (const each of groupsOf(cases)) {
  if (abort.signal.aborted) break;
  try {
    const keep = async (...left: Parameters<Parameters<typeof runGroup>[2]>): Promise<void> => {
      if (values.keep) await keepFiles(resolve(values.keep), each, ...left);
    };
    const { results, disagreements } = await runGroup(each, environment, keep, abort.signal);
    for (const result of results) {
      rows.push(row(result));
      console.log(rows.at(-1)!.join('  '));
      wrong.push(...result.differences.map(text => `${result.one.name}: ${text}`));
    }
    wrong.push(...disagreements.map(text => `${each.name}: ${text}`));
  } catch (error) {
    rows.push([each.name, '', '', 'did not run', 'NO']);
    wrong.push(`${each.name}: ${(error as Error).stack ?? String(error)}`);
    console.log(wrong.at(-1));
  }
}
await rm(environment.directory, { recursive: true, force: true });
if (group) await rmdir(group).catch(() => undefined);

for (const line of formatRows([HEADINGS, ...rows])) console.log(line);
for (const [name, why] of skipped) console.log(`skipped: ${name}: ${why}`);
for (const line of wrong) console.log(`\n${line}`);
const passed = rows.filter(cells => cells.at(-1) === 'ok').length;
if (values.report) {
  // A difference of a whole cluster belongs to no case, and must be counted.
  const failed = Math.max(rows.length - passed, wrong.length > 0 ? 1 : 0);
  await writeFile(values.report, JSON.stringify({ passed, failed, skipped: skipped.length }));
}
console.log(
  `\n${passed} of ${rows.length} cases as expected, ` +
    `${wrong.length} differences, ${skipped.length} skipped`
);
process.exit(wrong.length > 0 || rows.length === 0 ? 1 : 0);

function whySkipped({ needs = [], expected }: Case): string | null {
  const need = needs.find(one => missing.has(one));
  if (need) return `this machine does not support ${need}`;
  const unknown = expected.find(({ code }) => !known.has(code));
  return unknown ? `no detector reports ${unknown.code} yet` : null;
}

/** Requirements that this machine or this user does not meet. */
async function missingNeeds(): Promise<Set<Need>> {
  const lacks = new Set<Need>();
  if (group === null) lacks.add('memory cgroups');
  const disk = await mkdtemp(join(tmpdir(), 'aglais-corpus-disk-'));
  const run = promisify(execFile);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    await run('umount', [disk]);
  } catch {
    lacks.add('small disks');
  }
  await rmdir(disk);
  return lacks;
}
