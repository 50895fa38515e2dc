import type { Endpoint } from '@aglais/protocol';
import { startPython } from '../support/connect.js';

const ROWS = 4;
/**
 * A notebook that is always busy: small jobs of a few slow tasks, one after the other, in one session. Without Python
 * workers, which take longer to start than everything else.
 */
const PROGRAM = `
import time
while True:
    slow = spark.range(0, ${ROWS}, 1, ${ROWS}).selectExpr("reflect('java.lang.Thread', 'sleep', 1000L) as slept")
    print(slow.selectExpr("count(if(slept = 'x', null, 1))").collect()[0][0], flush=True)
    time.sleep(1)
`;

/** What runs on one cluster all the time, to check that it keeps running. */
export class Workload {
  private readonly started;
  private done = false;

  constructor(endpoint: Endpoint) {
    this.started = startPython(endpoint, PROGRAM);
    this.started.ended.then(
      () => (this.done = true),
      () => (this.done = true)
    );
  }

  /** Number of results so far; a wrong one is an error. */
  get results(): { right: number; wrong: string[] } {
    const all = this.started.run.stdout.split('\n').slice(0, -1);
    const wrong = all.filter(line => line !== String(ROWS));
    return { right: all.length - wrong.length, wrong };
  }

  /** Why it ended by itself; null while it is running. */
  get failure(): string | null {
    if (!this.done) return null;
    return this.started.run.stderr.trim().split('\n').at(-1) || 'it ended without a word';
  }

  async end(): Promise<void> {
    this.started.child.kill('SIGKILL');
    await this.started.ended.catch(() => undefined);
  }
}
