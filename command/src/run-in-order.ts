/**
 * Runs jobs concurrently and yields their results in the order of the jobs. At most `atOnce` run at a time, and
 * no job starts more than four times as far ahead of the awaited one, which bounds the number of results in
 * memory. When the consumer stops, no other job is started.
 * @throws what `run` throws; it should return failures instead
 */
export async function* runInOrder<Job, Result>(
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
