import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FullResult, Reporter } from '@playwright/test/reporter';
import { place } from './place';
import { processesWith } from './processes';

/**
 * Fails the run if the product leaves a process or its working files. A reporter, because Playwright runs its global
 * teardown *before* it stops the web server.
 */
export default class NothingLeft implements Reporter {
  onEnd(result: FullResult): Promise<{ status: FullResult['status'] }> {
    const { state } = place();
    const left = [
      ...processesWith('AGLAIS_STATE', state).map(
        ({ pid, command }) => `process ${pid}: ${command}`
      ),
      ...filesIn(join(state, 'clusters')).flatMap(scratchOf(state)),
      ...filesIn(join(state, 'tmp')).map(name => `temporary file ${name}`)
    ];
    if (left.length > 0) {
      console.error(`The product was stopped and left behind:\n  ${left.join('\n  ')}`);
      return Promise.resolve({ status: 'failed' });
    }
    if (result.status === 'passed') rmSync(state, { recursive: true, force: true });
    else console.error(`State and logs of the product are kept in ${state}`);
    return Promise.resolve({ status: result.status });
  }

  printsToStdio(): boolean {
    return false;
  }
}

/** An ended cluster may keep its evidence, but not Spark's working files. */
const scratchOf = (state: string) => (cluster: string) =>
  ['scratch', 'tmp', 'warehouse']
    .map(folder => join(state, 'clusters', cluster, folder))
    .filter(folder => existsSync(folder));

function filesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
