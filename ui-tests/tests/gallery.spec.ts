import { expect, test } from './fixtures';
import { readyClusterOf } from '../product/clusters';
import { card, openExample } from './notebook';

test('A cell that fails because its result is too large has a card with the limit and the advice', async ({
  page,
  tmpPath
}) => {
  const notebook = await openExample(page, tmpPath, 'gallery-of-silent-failures.ipynb');
  await notebook.run('result-too-large');
  expect(await notebook.failedCells()).toEqual(['result-too-large']);
  const found = card(await notebook.notes('result-too-large'), 'result-too-large');
  await expect(found).toBeVisible();
  await expect(found).toHaveAttribute('data-severity', 'error');
  await expect(found).toContainText('spark.driver.maxResultSize');
});

test('A Python worker that died is shown under the cell that succeeded, and a click raises the executor memory', async ({
  page,
  request,
  tmpPath
}) => {
  const notebook = await openExample(page, tmpPath, 'gallery-of-silent-failures.ipynb');
  await notebook.run('python-worker-dies');
  expect(await notebook.failedCells()).toEqual([]);
  expect(await notebook.outputText('python-worker-dies')).toContain('mas/yr');
  const found = card(await notebook.notes('python-worker-dies'), 'python-worker-died');
  await expect(found).toBeVisible();
  await expect(found).toHaveAttribute('data-severity', 'warning');

  const before = await readyClusterOf(request, await notebook.kernel());
  await found
    .getByRole('button', { name: /^Raise to .* per executor now \(no restart\)$/ })
    .click();
  await expect(found).toContainText('Spark already has this size.');
  const after = await readyClusterOf(request, await notebook.kernel());
  expect(after.id).toBe(before.id);
  expect(after.shape.executorOverheadMiB).toBeGreaterThan(before.shape.executorOverheadMiB);
  const limitMiB = after.shape.executorMemoryMiB + after.shape.executorOverheadMiB;
  await expect
    .poll(async () => {
      const { executors } = await readyClusterOf(request, await notebook.kernel());
      return executors.filter(({ state }) => state === 'active').map(one => one.memory.limitMiB);
    })
    .toEqual([limitMiB, limitMiB]);
});
