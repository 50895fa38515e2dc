import { existsSync, readFileSync } from 'node:fs';
import { failure, nothing } from './schedule.mjs';

/** The sum of the results of several programs. */
export function sum(results) {
  const all = nothing();
  for (const { passed, failed, skipped, notes } of results) {
    all.passed += passed;
    all.failed += failed;
    all.skipped += skipped;
    all.notes.push(...notes);
  }
  return all;
}

/** A check without tests of its own counts as one. */
export const checkResult = (name, code) =>
  code === 0 ? { ...nothing(), passed: 1 } : failure(`${name} (ended with ${code})`);

/**
 * The result of a program from its report file. A program with an exit code other than 0 has failed, whatever its
 * report says.
 * @param {(text: string) => import('./schedule.mjs').Result} read
 */
function reported(runner, path, code, read) {
  if (!existsSync(path)) return failure(`${runner} ended with ${code} and wrote no report`);
  const result = read(readFileSync(path, 'utf8'));
  if (code === 0 || result.failed > 0) return result;
  return sum([result, failure(`${runner} ended with ${code}, although no test failed`)]);
}

export const jestResult = (path, code) =>
  reported('Jest', path, code, text => {
    const report = JSON.parse(text);
    const broken = report.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some(one => one.status === 'failed')
    );
    const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + broken.length,
      skipped: report.numPendingTests + report.numTodoTests,
      notes: [
        ...broken.map(({ name, message = '' }) => `${name} could not be run\n${message}`),
        ...tests
          .filter(({ status }) => status === 'failed')
          .map(({ fullName, failureMessages = [] }) => [fullName, ...failureMessages].join('\n'))
      ]
    };
  });

export const playwrightResult = (path, code) =>
  reported('Playwright', path, code, text => {
    const { stats, suites, errors } = JSON.parse(text);
    const specs = suites.flatMap(specsOf).filter(({ ok }) => !ok);
    return {
      passed: stats.expected,
      failed: stats.unexpected + stats.flaky,
      skipped: stats.skipped,
      notes: [
        ...specs.map(({ title, tests = [] }) => [title, ...tests.flatMap(errorsOf)].join('\n')),
        ...errors.map(({ message }) => message)
      ]
    };
  });

const errorsOf = ({ results }) =>
  results.flatMap(({ error }) => (error ? [error.message ?? String(error.value)] : []));

const specsOf = ({ specs = [], suites = [] }) => [...specs, ...suites.flatMap(specsOf)];

/** Those that pytest writes: no library, because none is installed yet when the tests of a fresh clone begin. */
const XML_ENTITIES = { lt: '<', gt: '>', quot: '"', amp: '&', '#10': '\n' };

export const pytestResult = (path, code) =>
  reported('pytest', path, code, text => {
    const suite = text.match(/<testsuite [^>]*>/)?.[0] ?? '';
    const count = name => Number(suite.match(new RegExp(`${name}="(\\d+)"`))?.[1] ?? 0);
    const failed = count('failures') + count('errors');
    const bad = [...text.matchAll(/<testcase ([^>]*[^/])>\s*<(?:failure|error)\b([^>]*)/g)];
    const attribute = (about, name) => {
      const value = about.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? '';
      return value.replace(/&(#?\w+);/g, (whole, entity) => XML_ENTITIES[entity] ?? whole);
    };
    return {
      passed: count('tests') - failed - count('skipped'),
      failed,
      skipped: count('skipped'),
      notes: bad.map(
        ([, test, failed]) => `${attribute(test, 'name')}\n${attribute(failed, 'message')}`
      )
    };
  });

export const corpusResult = (path, code) =>
  reported('The corpus', path, code, text => ({ ...JSON.parse(text), notes: [] }));
