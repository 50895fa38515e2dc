import { expect, test } from './fixtures';
import { clustersOf, killDriver, processesOf, readyClusterOf } from '../product/clusters';
import { openNew, sparkPanel } from './notebook';

const COUNT = { count: 'spark.range(1000).count()' };

test('Two notebooks have two clusters: one keeps running when the other fails, and stops with its kernel', async ({
  page,
  request,
  tmpPath
}) => {
  const failing = await openNew(page, `${tmpPath}/failing.ipynb`, COUNT);
  await failing.run('count');
  const healthy = await openNew(page, `${tmpPath}/healthy.ipynb`, COUNT);
  await healthy.run('count');
  const first = await readyClusterOf(request, await failing.kernel());
  const second = await readyClusterOf(request, await healthy.kernel());
  expect(second.id).not.toBe(first.id);
  expect(processesOf(second).length).toBeGreaterThanOrEqual(3);

  await test.step('the panel shows that the driver of the first was killed', async () => {
    killDriver(first);
    await failing.activate();
    const state = (await sparkPanel(page)).locator('.aglais-State');
    await expect(state).toHaveAttribute('data-state', 'failed');
    await expect(state).toContainText(/driver/i);
    await expect.poll(() => processesOf(first)).toEqual([]);
  });

  await test.step('the other one still works, with the same cluster', async () => {
    await healthy.activate();
    await healthy.run('count');
    expect(await healthy.outputText('count')).toBe('1000');
    expect((await readyClusterOf(request, await healthy.kernel())).id).toBe(second.id);
  });

  await test.step('the next cell of the first shows what was lost, and works with a new cluster', async () => {
    await failing.activate();
    await failing.run('count');
    const output = await failing.outputText('count');
    expect(output).toContain('The previous Spark cluster has ended');
    expect(output).toContain('Kept: all Python variables.');
    expect(output).toMatch(/\b1000\s*$/);
  });

  await test.step('shutting down a kernel stops its cluster', async () => {
    await healthy.activate();
    await page.menu.clickMenuItem('Kernel>Shut Down Kernel');
    await expect.poll(() => processesOf(second)).toEqual([]);
    expect((await readyClusterOf(request, await failing.kernel())).id).not.toBe(first.id);
  });
});

test('A notebook that never uses Spark has no cluster', async ({ page, request, tmpPath }) => {
  const notebook = await openNew(page, `${tmpPath}/plain.ipynb`, {
    sum: 'sum(range(10))',
    help: 'help(sum)'
  });
  await notebook.run('sum');
  await notebook.run('help');
  expect(await notebook.outputText('sum')).toBe('45');
  await expect(await sparkPanel(page)).toContainText('This notebook has no Spark cluster yet.');
  expect(await clustersOf(request, await notebook.kernel())).toEqual([]);
});

test('Spark is restarted, stopped and started from the panel, after confirmation, and the next cell uses the new cluster', async ({
  page,
  request,
  tmpPath
}) => {
  const notebook = await openNew(page, `${tmpPath}/restarted.ipynb`, {
    view: "kept = 7\nspark.range(5).createOrReplaceTempView('five')",
    count: 'print(spark.range(1000).count() + kept)'
  });
  await notebook.run('view');
  const panel = await sparkPanel(page);
  const state = panel.locator('.aglais-State');
  const dialog = page.getByRole('dialog');
  const first = await readyClusterOf(request, await notebook.kernel());

  await test.step('a restart asks for confirmation, and does nothing if it is cancelled', async () => {
    await panel.getByRole('button', { name: 'Restart' }).click();
    await expect(dialog).toContainText('temporary views, cached tables');
    await expect(dialog).toContainText('all Python variables');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expect(dialog).toHaveCount(0);
    expect((await readyClusterOf(request, await notebook.kernel())).id).toBe(first.id);
  });

  await test.step('a restart creates a new cluster, and the next cell shows what was lost', async () => {
    await panel.getByRole('button', { name: 'Restart' }).click();
    await dialog.getByRole('button', { name: 'Restart' }).click();
    await expect.poll(() => processesOf(first)).toEqual([]);
    await notebook.run('count');
    const output = await notebook.outputText('count');
    expect(output).toContain('Lost: temporary view five');
    expect(output).toMatch(/\b1007\s*$/);
    expect((await readyClusterOf(request, await notebook.kernel())).id).not.toBe(first.id);
  });

  await test.step('a stop ends all processes, and the panel offers a start', async () => {
    const second = await readyClusterOf(request, await notebook.kernel());
    await panel.getByRole('button', { name: 'Stop' }).click();
    await dialog.getByRole('button', { name: 'Stop' }).click();
    await expect(state).toHaveAttribute('data-state', 'stopped');
    await expect.poll(() => processesOf(second)).toEqual([]);
    await expect(panel.getByRole('button', { name: 'Start again' })).toBeEnabled();
  });

  await test.step('the panel starts Spark without a cell', async () => {
    await panel.getByRole('button', { name: 'Start again' }).click();
    await expect(state).toHaveAttribute('data-state', 'ready');
    await readyClusterOf(request, await notebook.kernel());
  });
});
