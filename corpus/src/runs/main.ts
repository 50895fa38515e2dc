import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as prettier from 'prettier';
import { checkout } from '../installation.js';
import { notebookErrors } from './notebook.js';
import { pageOf, type PageRun } from './page.js';
import { findRun, readRecordedRuns } from './recorded-run.js';
import { askCommand } from './ask-command.js';

/**
 * Generates docs/corpus.md from the recorded runs: `npm run corpus:table`. They are in ../shared/corpus or in the
 * directory AGLAIS_CORPUS. With `--check` nothing is written: it exits with 1 if the page is out of date.
 */
const { values } = parseArgs({ options: { check: { type: 'boolean' } } });
const corpus = process.env['AGLAIS_CORPUS'] ?? join(checkout, '..', 'shared', 'corpus');
const page = join(checkout, 'docs', 'corpus.md');
if (!existsSync(corpus)) {
  console.error(`No recorded runs in ${corpus}; set AGLAIS_CORPUS to their directory.`);
  process.exit(2);
}

const runs: PageRun[] = [];
for (const run of await readRecordedRuns(join(checkout, 'corpus', 'runs.json'))) {
  const found = await findRun(run, corpus);
  const { name, happened } = run;
  const { log, evidence, client } = found;
  const notebook = client === null ? null : await notebookErrors(join(corpus, client));
  runs.push({ name, happened, notebook, log, evidence, result: await askCommand(found, corpus) });
  console.log(
    `${name}: ${
      runs
        .at(-1)!
        .result.alone.map(({ code }) => code)
        .join(', ') || 'nothing'
    }`
  );
}

const style = await prettier.resolveConfig(page);
const text = await prettier.format(pageOf(runs), { ...style, filepath: page });
if (values.check) {
  const same = existsSync(page) && (await readFile(page, 'utf8')) === text;
  console.log(same ? 'docs/corpus.md is up to date.' : 'docs/corpus.md is out of date.');
  process.exitCode = same ? 0 : 1;
} else {
  await writeFile(page, text);
}
