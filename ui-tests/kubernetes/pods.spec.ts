import { readyClusterOf } from '../product/clusters';
import { OPTION } from '../product/kubernetes';
import { expect, test } from '../tests/fixtures';
import { card, expectMemoryInUse, openNew, sparkPanel } from '../tests/notebook';
import { picture } from '../tests/pictures';

const CELLS = {
  count: "spark.table('bigsky.source').count()",
  /**
   * Many small processes: the JVM is the largest process of the container and is OOM-killed; the next attempt succeeds.
   */
  helpers: `
def unlucky(frames):
    import os, time
    from pyspark import TaskContext
    if TaskContext.get().attemptNumber() == 0:
        for _ in range(20):
            if os.fork() == 0:
                hoard = b"x" * (48 << 20)
                time.sleep(300)
                os._exit(0)
        time.sleep(300)
    yield from frames

spark.range(0, 40, 1, 1).mapInPandas(unlucky, "id long").count()`.trim(),
  /** More memory than is left for Python outside the JVM, in each attempt. */
  hungry: `
def hungry(frames):
    for frame in frames:
        hoard = [b"x" * (16 << 20) for _ in range(45)]
        yield frame

spark.range(0, 1, 1, 1).mapInPandas(hungry, "id long").count()`.trim()
};

test('Spark starts as pods with an option; a kill is shown under its cell, and the memory of running pods is raised', async ({
  page,
  request,
  tmpPath
}) => {
  const notebook = await openNew(page, `${tmpPath}/pods.ipynb`, CELLS);
  const panel = await sparkPanel(page);
  const cluster = async () => readyClusterOf(request, await notebook.kernel());

  await test.step('an option that administrators offer is chosen before the start and shown afterwards', async () => {
    await panel.getByRole('checkbox', { name: OPTION.title }).check();
    await panel.getByRole('button', { name: 'Start now' }).click();
    await expect(panel.locator('.aglais-State')).toHaveAttribute('data-state', 'ready');
    expect((await cluster()).options).toEqual([OPTION.name]);
    await expect(panel.locator('.aglais-Shape')).toContainText(OPTION.title);
  });

  await test.step('a cell reads the catalogue that is mounted into the pods', async () => {
    await notebook.run('count');
    expect(await notebook.outputText('count')).toContain('981853');
    const meters = panel.getByRole('meter', { name: /^Memory of (Driver|Executor)/ });
    await expect(meters).toHaveCount(3);
    await expectMemoryInUse(meters);
  });

  await test.step('an OOM-killed pod is shown under the cell that succeeded', async () => {
    await notebook.run('helpers');
    expect(await notebook.failedCells()).toEqual([]);
    expect(await notebook.outputText('helpers')).toBe('40');
    const found = card(await notebook.notes('helpers'), 'executor-oom-killed');
    await expect(found).toBeVisible();
    await expect(found).toContainText('limit 896 MiB');
    await found.getByRole('button', { name: 'Show evidence' }).click();
    await expect(found.locator('.aglais-Evidence[data-source="container"]').first()).toContainText(
      'OOMKilled'
    );
    await picture(page, 'on-kubernetes');
    await found.getByRole('button', { name: 'Hide evidence' }).click();
  });

  await test.step('a Python worker that ran out of memory leads to a higher limit, without a restart', async () => {
    await notebook.run('hungry');
    expect(await notebook.failedCells()).toEqual(['hungry']);
    const found = card(await notebook.notes('hungry'), 'python-worker-died');
    await expect(found).toHaveAttribute('data-severity', 'error');
    const before = await cluster();
    await found
      .getByRole('button', { name: /^Raise to .* per executor now \(no restart\)$/ })
      .click();
    await expect(found).toContainText('Spark already has this size.');
    const after = await cluster();
    expect(after.id).toBe(before.id);
    expect(after.shape.executorOverheadMiB).toBeGreaterThan(before.shape.executorOverheadMiB);
    await notebook.run('hungry');
    expect(await notebook.failedCells()).toEqual([]);
    expect(await notebook.outputText('hungry')).toBe('1');
  });
});
