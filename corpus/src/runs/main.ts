import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as prettier from 'prettier';
import { checkout } from '../installation.js';
import { notebookWords } from './notebook.js';
import { pageOf, type PageRun } from './page.js';
import { findRun, readRuns } from './recorded-run.js';
import { askCommand } from './ask-command.js';

/**
 * Makes docs/corpus.md from the runs that were kept: `npm run corpus:table`. They lie beside the
 * checkout or where AGLAIS_CORPUS says. With `--check` nothing is written: it ends with 1 if the
 * page is not what it would be.
 */
const { values } = parseArgs({ options: { check: { type: 'boolean' } } });
const corpus = process.env['AGLAIS_CORPUS'] ?? join(checkout, '..', 'shared', 'corpus');
const page = join(checkout, 'docs', 'corpus.md');
if (!existsSync(corpus)) {
  console.error(`The runs are not there (${corpus}); AGLAIS_CORPUS says where they are.`);
  process.exit(2);
}

const runs: PageRun[] = [];
for (const run of await readRuns(join(checkout, 'corpus', 'runs.json'))) {
  const found = await findRun(run, corpus);
  const { name, happened } = run;
  const { log, evidence, client } = found;
  const notebook = client === null ? null : await notebookWords(join(corpus, client));
  runs.push({ name, happened, notebook, log, evidence, said: await askCommand(found, corpus) });
  console.log(
    `${name}: ${
      runs
        .at(-1)!
        .said.alone.map(({ code }) => code)
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
