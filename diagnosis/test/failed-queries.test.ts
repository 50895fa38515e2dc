import { describe, expect, it } from '@jest/globals';
import type { Finding } from '@aglais/protocol';
import { diagnose } from './recorded-runs.js';
import { Story } from './story.js';

const UI = 'org.apache.spark.sql.execution.ui.SparkListenerSQLExecution';
const SESSION = '0a1b2c3d-0000-4000-8000-123456789abc';
const OOM =
  'java.lang.OutOfMemoryError: Java heap space\n\tat org.apache.spark.sql.catalyst.X.y(X.scala:1)\n';
const ANALYSIS =
  '[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `parallx` cannot be resolved. SQLSTATE: 42703';

interface Query {
  id: number;
  error: string;
  root?: number;
  cell?: string;
}

/** A query that starts and fails without a job. */
function query(story: Story, { id, error, root = id, cell }: Query): Story {
  const tags = [`SparkConnect_OperationTag_User__Session_${SESSION}_Operation_1`];
  if (cell) tags.push(`SparkConnect_SessionTag_User__Session_${SESSION}_Tag_aglais-cell:${cell}`);
  story.event(`${UI}Start`, {
    executionId: id,
    rootExecutionId: root,
    time: story.now,
    sparkPlanInfo: { nodeName: 'LocalTableScan', children: [], metrics: [] },
    jobTags: tags
  });
  story.wait(3000);
  return story.event(`${UI}End`, { executionId: id, time: story.now, errorMessage: error });
}

function findings(story: Story): Finding[] {
  return diagnose(story.observations).findings();
}

describe('a query that fails before it has a job', () => {
  const conf = { 'spark.driver.memory': '1g' };

  it('because of a full driver heap is reported for its cell', () => {
    const [finding, ...others] = findings(
      query(new Story(conf), { id: 4, error: OOM, cell: '7:abc' })
    );
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'driver-heap-oom:cell:7:abc',
      severity: 'error',
      confidence: 'certain',
      effects: ['1 query failed because of it'],
      subject: { cell: 'abc', run: 7 },
      advice: [{}, { action: 'resize', shape: { driverMemoryMiB: 2048 } }]
    });
    expect(finding!.explanation).toContain(
      'driver ran out of Java heap (1.0 GiB), so it aborted the query'
    );
  });

  it('because of memory outside the heap has no advice to raise the heap', () => {
    const error =
      'java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory';
    const [finding] = findings(query(new Story(conf), { id: 4, error }));
    expect(finding!.title).toBe('The driver ran out of memory outside the Java heap');
    expect(finding!.advice.map(({ action }) => action)).toEqual(['code']);
  });

  it('belongs to itself if Spark does not report the cell', () => {
    expect(findings(query(new Story(conf), { id: 4, error: OOM }))).toMatchObject([
      { id: 'driver-heap-oom:sql:4' }
    ]);
  });

  it('nested in another one is reported once, for the outer one', () => {
    const story = new Story(conf);
    story.event(`${UI}Start`, {
      executionId: 1,
      rootExecutionId: 1,
      time: story.now,
      jobTags: ['aglais-cell:7:abc']
    });
    query(story, { id: 2, root: 1, error: OOM });
    story.event(`${UI}End`, { executionId: 1, time: story.now, errorMessage: OOM });
    expect(findings(story)).toMatchObject([
      { id: 'driver-heap-oom:cell:7:abc', code: 'driver-heap-oom' }
    ]);
  });

  it('with a full heap as a nested cause is reported with that line', () => {
    const error = `org.apache.spark.util.SparkFatalException\n${'\tat x.Y.z(Y.scala:1)\n'.repeat(100)}Caused by: ${OOM}`;
    const [finding] = findings(query(new Story(conf), { id: 4, error }));
    expect(finding!.evidence[0]!.quote).toBe(
      'Caused by: java.lang.OutOfMemoryError: Java heap space'
    );
  });

  it('because of a too large broadcast has that finding, not a full heap', () => {
    const error =
      'java.lang.OutOfMemoryError: Not enough memory to build and broadcast the table to all worker nodes.';
    const story = query(new Story(conf), { id: 4, error, cell: '7:abc' });
    const log = {
      kind: 'log',
      who: 'driver',
      at: story.now,
      text: 'ERROR Executor: java.lang.OutOfMemoryError: Java heap space',
      ref: 'driver.log:9'
    } as const;
    expect(diagnose([...story.observations, log]).findings()).toMatchObject([
      { id: 'broadcast-too-large:cell:7:abc' }
    ]);
  });

  it('because of a full disk of the driver or an unavailable share has that finding', () => {
    const full = query(new Story(), {
      id: 4,
      error: 'java.io.IOException: No space left on device\n\tat x'
    });
    expect(findings(full)).toMatchObject([
      {
        id: 'disk-full:sql:4',
        severity: 'error',
        title: 'A disk of the driver is full'
      }
    ]);
    const stale = query(new Story(), {
      id: 5,
      error: 'java.io.IOException: Stale file handle\n\tat x'
    });
    expect(findings(stale)).toMatchObject([{ id: 'share-unavailable:sql:5', severity: 'error' }]);
  });

  it('because of an error in the query itself is not reported: the notebook shows it', () => {
    for (const error of [
      ANALYSIS,
      '[TABLE_OR_VIEW_NOT_FOUND] The table or view `gaia`.`sorce` cannot be found.',
      '[PATH_NOT_FOUND] Path does not exist: file:/data/gaia.',
      '[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012',
      'java.io.IOException: Permission denied',
      'java.util.concurrent.CancellationException'
    ]) {
      expect(findings(query(new Story(conf), { id: 4, error, cell: '7:abc' }))).toEqual([]);
    }
  });

  it("because of a failed job belongs to that job: the heap of an executor is not the driver's", () => {
    const error = `Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent failure: Lost task 0.3 in stage 0.0 (TID 3) (h executor 1): ${OOM}`;
    expect(findings(query(new Story(conf), { id: 4, error }))).toEqual([]);
  });
});
