import { expect, test } from './fixtures';
import { expectMemoryInUse, openExample, sparkPanel } from './notebook';
import { picture } from './pictures';

test('Mean proper motion draws two maps of the sky, and shows its cluster and its progress', async ({
  page,
  tmpPath
}) => {
  const notebook = await openExample(page, tmpPath, 'mean-proper-motion.ipynb');
  const panel = await sparkPanel(page);
  await expect(panel).toContainText('This notebook has no Spark cluster yet.');

  await notebook.runAll();
  // JupyterLab scrolls to the last cell.
  await notebook.scrollTo('the-stars');
  const progress = (await notebook.notes('the-stars')).locator('.aglais-Progress');
  await progress.getByRole('progressbar').first().waitFor({ timeout: 180_000 });

  await expect
    .poll(() => notebook.executionCount('give-memory-back'), { timeout: 240_000 })
    .not.toBeNull();
  expect(await notebook.failedCells()).toEqual([]);

  for (const id of ['sky-map', 'second-map']) {
    await notebook.scrollTo(id);
    const map = (await notebook.cell(id)).locator('.jp-OutputArea-output img');
    await expect(map).toBeVisible();
    expect(await map.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(
      400
    );
  }
  expect(await notebook.outputText('second-average')).toContain('3,072 patches');

  await expect(panel.locator('.aglais-State')).toHaveAttribute('data-state', 'ready');
  const executors = panel.getByRole('meter', { name: /^Memory of Executor/ });
  await expect(executors).toHaveCount(2);
  await expectMemoryInUse(executors);
  await expect(page.locator('.aglais-Status')).toContainText('2 executors');
  await notebook.scrollTo('second-map');
  await picture(page, 'mean-proper-motion');
});
