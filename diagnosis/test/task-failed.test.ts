import { describe, expect, it } from '@jest/globals';
import { exception, Story } from './story.js';
import { CELL, findings, ids, failing } from './stories-with-evidence.js';

describe("a job that fails because of the user's code", () => {
  const traceback = `Traceback (most recent call last):
  File "/opt/spark/python/lib/pyspark.zip/pyspark/worker.py", line 1247, in main
    process()
  File "/tmp/ipykernel_7/1.py", line 3, in parallax
    return 1 / x
  File "/usr/lib/python3.11/site-packages/numpy/core.py", line 9, in divide
    raise ZeroDivisionError("division by zero")
ZeroDivisionError: division by zero
`;
  const python = exception(
    'org.apache.spark.api.python.PythonException',
    traceback,
    `org.apache.spark.api.python.PythonException: ${traceback}\n\tat org.apache.spark.api.python.X(Y.scala:1)`
  );
  const pythonMessage = `org.apache.spark.api.python.PythonException: ${traceback}`;

  it("in Python is one finding with the error and the user's line", () => {
    const [finding, ...others] = findings(failing(python, pythonMessage));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'task-failed:cell:3:abc',
      severity: 'error',
      confidence: 'certain',
      title: 'ZeroDivisionError: division by zero',
      count: 4,
      subject: { cell: 'abc', jobs: [0], stages: [{ id: 0, attempt: 0 }] }
    });
    expect(finding!.explanation).toMatch(
      /ZeroDivisionError: division by zero, at line 3 in parallax \(\/tmp\/ipykernel_7\/1\.py\): return 1 \/ x/
    );
  });

  it('is not reported if the cell caught the error and succeeded', () => {
    const cell = { kind: 'cell' as const, cell: 'abc', run: 3, at: 9_000_000 };
    const story = failing(python, pythonMessage);
    expect(ids(story, { ...cell, outcome: 'ok' })).toEqual([]);
    expect(ids(story, { ...cell, outcome: 'error' })).toEqual([
      'task-failed:cell:3:abc error certain'
    ]);
  });

  it("reached Python's memory limit if not even libraries could be loaded", () => {
    const said =
      'Traceback (most recent call last):\n  File "numpy/__init__.py", line 1, in <module>\n' +
      'ImportError: numpy/_common.so: failed to map segment from shared object';
    const reason = exception('org.apache.spark.api.python.PythonException', said);
    const limit = { 'spark.executor.pyspark.memory': '300m' };
    const because = (words: string) => findings(failing(reason, words, limit)).map(({ id }) => id);
    expect(because(said)).toEqual(['python-worker-died:cell:3:abc']);
    const forbidden = exception(
      'org.apache.spark.api.python.PythonException',
      `${said}: Operation not permitted`
    );
    expect(findings(failing(forbidden, said, limit)).map(({ id }) => id)).toEqual([
      'task-failed:cell:3:abc'
    ]);
  });

  it('in Java is reported with its root cause', () => {
    const trace = `org.apache.spark.SparkException: [FAILED_EXECUTE_UDF] Failed to execute user defined function
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.failedExecuteUserDefinedFunctionError(QueryExecutionErrors.scala:1)
Caused by: java.lang.NumberFormatException: For input string: "n/a"
\tat java.base/java.lang.Integer.parseInt(Integer.java:652)
\tat org.example.Stars$.magnitude(Stars.scala:17)
\t... 17 more`;
    const reason = exception(
      'org.apache.spark.SparkException',
      '[FAILED_EXECUTE_UDF] Failed',
      trace
    );
    const [finding] = findings(failing(reason, trace));
    expect(finding).toMatchObject({
      code: 'task-failed',
      title: 'java.lang.NumberFormatException: For input string: "n/a"'
    });
    expect(finding!.explanation).toMatch(/Stars\.scala:17 in org\.example\.Stars\$\.magnitude/);
  });

  it('in SQL is reported with the position in the text', () => {
    const words = `[DIVIDE_BY_ZERO] Division by zero. Use \`try_divide\` to tolerate divisor being 0. SQLSTATE: 22012
== SQL (line 1, position 8) ==
select 1/x from t
       ^^^`;
    const reason = exception(
      'org.apache.spark.SparkArithmeticException',
      words,
      `org.apache.spark.SparkArithmeticException: ${words}\n\tat org.apache.spark.A(B.scala:1)`
    );
    const [finding] = findings(
      failing(reason, `org.apache.spark.SparkArithmeticException: ${words}`)
    );
    expect(finding!.explanation).toMatch(
      /at line 1, position 8 of the SQL text: select 1\/x from t/
    );
  });

  it("is reported without a failed task, with Spark's message", () => {
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.jobEnd(
      0,
      'Job aborted due to stage failure: Task not serializable: java.io.NotSerializableException: org.example.Telescope'
    );
    expect(ids(story)).toEqual(['task-failed:cell:3:abc error certain']);
  });

  it('is not reported for cancelled cells, nor for jobs that the end of Spark interrupted', () => {
    for (const message of [
      '[SPARK_JOB_CANCELLED] Job 0 cancelled part of cancelled job group x',
      'Job 0 cancelled because SparkContext was shut down'
    ]) {
      const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
      expect(ids(story.jobEnd(0, message))).toEqual([]);
    }
  });

  it('is reported for its own cell only', () => {
    const story = failing(python, pythonMessage);
    story.job(1, 'aglais-cell:4:def', [1, 1]).stage(1, 1).task(1, 0, { executor: '1' }).jobEnd(1);
    expect(ids(story)).toEqual(['task-failed:cell:3:abc error certain']);
  });
});
