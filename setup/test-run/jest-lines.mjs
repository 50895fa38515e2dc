/**
 * A Jest reporter with one line per file, or per test with AGLAIS_TEST_LINES=tests; failures are printed in full as
 * soon as their file has completed.
 */
export default class Lines {
  #eachTest = process.env.AGLAIS_TEST_LINES === 'tests';

  onTestCaseResult(_test, { fullName, status, duration }) {
    if (!this.#eachTest || status === 'pending') return;
    const seconds = ((duration ?? 0) / 1_000).toFixed(1);
    console.log(`${status === 'passed' ? '✓' : '✕'} ${seconds.padStart(5)} s  ${fullName}`);
  }

  onTestResult({ path, context }, { failureMessage, numFailingTests, numPassingTests, perfStats }) {
    const file = path.slice(context.config.cwd.length + 1);
    const seconds = ((perfStats.end - perfStats.start) / 1_000).toFixed(1);
    if (failureMessage) console.log(failureMessage);
    const outcome = failureMessage ? `FAILED, ${numFailingTests} of its tests` : 'passed';
    console.log(`${file} ${outcome} (${numPassingTests} passed, ${seconds} s)`);
  }

  onRunComplete(_contexts, { numTotalTestSuites, numTotalTests }) {
    console.log(`${numTotalTests} tests in ${numTotalTestSuites} files`);
  }
}
