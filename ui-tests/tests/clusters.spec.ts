import { expect, test } from './fixtures';
import { clustersOf, killDriver, processesOf, readyClusterOf } from '../product/clusters';
import { openNew, sparkPanel } from './notebook';

const COUNT = { count: 'spark.range(1000).count()' };

test('Two notebooks have two clusters: one lives on when the other dies, and ends with its kernel', async ({
  page,
  request,
  tmpPath
}) => {
  const doomed = await openNew(page, `${tmpPath}/doomed.ipynb`, COUNT);
  await doomed.run('count');
  const healthy = await openNew(page, `${tmpPath}/healthy.ipynb`, COUNT);
  await healthy.run('count');
  const first = await readyClusterOf(request, await doomed.kernel());
  const second = await readyClusterOf(request, await healthy.kernel());
  expect(second.id).not.toBe(first.id);
  expect(processesOf(second).length).toBeGreaterThanOrEqual(3);

  await test.step('the one whose driver was killed says so in the panel', async () => {
    killDriver(first);
    await doomed.activate();
    const state = (await sparkPanel(page)).locator('.aglais-State');
    await expect(state).toHaveAttribute('data-state', 'failed');
    await expect(state).toContainText(/driver/i);
    await expect.poll(() => processesOf(first)).toEqual([]);
  });

  await test.step('the other one answers, with the Spark it had', async () => {
    await healthy.activate();
    await healthy.run('count');
    expect(await healthy.outputText('count')).toBe('1000');
    expect((await readyClusterOf(request, await healthy.kernel())).id).toBe(second.id);
  });

  await test.step('the next cell of the first says what was lost, and works with a new Spark', async () => {
    await doomed.activate();
    await doomed.run('count');
    const output = await doomed.outputText('count');
    expect(output).toContain('The earlier Spark is gone');
    expect(output).toContain('Kept: all Python variables.');
    expect(output).toMatch(/\b1000\s*$/);
  });

  await test.step('closing a kernel ends its cluster', async () => {
    await healthy.activate();
    await page.menu.clickMenuItem('Kernel>Shut Down Kernel');
    await expect.poll(() => processesOf(second)).toEqual([]);
    expect((await readyClusterOf(request, await doomed.kernel())).id).not.toBe(first.id);
  });
});

test('A notebook that never uses Spark has none', async ({ page, request, tmpPath }) => {
  const notebook = await openNew(page, `${tmpPath}/plain.ipynb`, {
    sum: 'sum(range(10))',
    help: 'help(sum)'
  });
  await notebook.run('sum');
  await notebook.run('help');
  expect(await notebook.outputText('sum')).toBe('45');
  await expect(await sparkPanel(page)).toContainText('This notebook has no Spark yet.');
  expect(await clustersOf(request, await notebook.kernel())).toEqual([]);
});

test('Spark is restarted, stopped and started from the panel, after a question, and the next cell finds the new one', async ({
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

  await test.step('a restart asks first, and does nothing if the answer is no', async () => {
    await panel.getByRole('button', { name: 'Restart' }).click();
    await expect(dialog).toContainText('temporary views, cached tables');
    await expect(dialog).toContainText('all Python variables');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expect(dialog).toHaveCount(0);
    expect((await readyClusterOf(request, await notebook.kernel())).id).toBe(first.id);
  });

  await test.step('a restart gives a new cluster, and the next cell says what was lost', async () => {
    await panel.getByRole('button', { name: 'Restart' }).click();
    await dialog.getByRole('button', { name: 'Restart' }).click();
    await expect.poll(() => processesOf(first)).toEqual([]);
    await notebook.run('count');
    const output = await notebook.outputText('count');
    expect(output).toContain('Lost: temporary view five');
    expect(output).toMatch(/\b1007\s*$/);
    expect((await readyClusterOf(request, await notebook.kernel())).id).not.toBe(first.id);
  });

  await test.step('a stop ends all processes, and the panel offers to start again', async () => {
    const second = await readyClusterOf(request, await notebook.kernel());
    await panel.getByRole('button', { name: 'Stop' }).click();
    await dialog.getByRole('button', { name: 'Stop' }).click();
    await expect(state).toHaveAttribute('data-state', 'stopped');
    await expect.poll(() => processesOf(second)).toEqual([]);
    await expect(panel.getByRole('button', { name: 'Start again' })).toBeEnabled();
  });

  await test.step('a start from the panel needs no cell', async () => {
    await panel.getByRole('button', { name: 'Start again' }).click();
    await expect(state).toHaveAttribute('data-state', 'ready');
    await readyClusterOf(request, await notebook.kernel());
  });
});
