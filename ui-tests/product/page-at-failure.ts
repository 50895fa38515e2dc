import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter, TestCase, TestResult } from '@playwright/test/reporter';
import { place } from './place';

/** Enough for a page of JupyterLab with its notebook, lines. */
const PAGE_LINES = 250;
const LOG_LINES = 40;

/**
 * Prints what a failed test had before it, and what the server had logged: on a machine whose files nobody can read
 * afterwards, the printed lines are all there is.
 */
export default class PageAtFailure implements Reporter {
  onTestEnd(test: TestCase, result: TestResult): void {
    if (test.ok()) return;
    const page = result.attachments.find(({ name }) => name === 'error-context')?.path;
    if (page) print(`The page when "${test.title}" failed`, linesOf(page).slice(0, PAGE_LINES));
    const log = join(place().state, 'logs', 'server.log');
    print('The last lines of the server', linesOf(log).slice(-LOG_LINES));
  }

  printsToStdio(): boolean {
    return false;
  }
}

function print(title: string, lines: readonly string[]): void {
  console.error(`${title}:\n${lines.map(line => `  ${line}`).join('\n')}`);
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
}
