/**
 * Runs jobs side by side and yields their results in the order of the jobs. At most `atOnce` run,
 * and no job starts more than four times as far ahead of the one whose result is awaited, so that
 * results waiting for their turn are few, however many jobs there are. When nobody takes results any
 * more, no other job is started.
 * @throws what `run` throws; it should rather return its failure.
 */
export async function* inOrder<Job, Result>(
  jobs: readonly Job[],
  atOnce: number,
  run: (job: Job) => Promise<Result>
): AsyncGenerator<Result> {
  const started = new Map<number, Promise<Result>>();
  const running = new Set<Promise<Result>>();
  let next = 0;
  let wanted = true;
  const fill = (awaited: number): void => {
    while (wanted && next < jobs.length && running.size < atOnce && next < awaited + 4 * atOnce) {
      const result = run(jobs[next]!);
      started.set(next, result);
      next += 1;
      running.add(result);
      const over = (): void => {
        running.delete(result);
        fill(awaited);
      };
      result.then(over, over);
    }
  };
  try {
    for (let awaited = 0; awaited < jobs.length; awaited += 1) {
      fill(awaited);
      yield await started.get(awaited)!;
      started.delete(awaited);
    }
  } finally {
    wanted = false;
  }
}
