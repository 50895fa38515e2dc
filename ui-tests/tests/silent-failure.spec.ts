import { expect, test, type IJupyterLabPageFixture } from './fixtures';
import type { Locator } from '@playwright/test';
import { card, openExample, sparkPanel, type OpenNotebook } from './notebook';
import { picture } from './pictures';

const CELL = 'kernel-kills-an-executor';
const CODE = 'executor-oom-killed';
const WINDOWING_MODES = ['full', 'defer', 'contentVisibility', 'none'];

test('An OOM-killed executor is shown under the cell that succeeded, in every tab and after a reload', async ({
  page,
  tmpPath
}) => {
  const notebook = await openExample(page, tmpPath, 'gallery-of-silent-failures.ipynb');
  const panel = await sparkPanel(page);
  await notebook.run(CELL);
  const output = await notebook.outputText(CELL);
  test.skip(
    output.includes('No executor was killed'),
    'This machine has no memory cgroups for executors, so that the kernel kills none.'
  );

  await test.step('the cell succeeds, and the card shows the cost', async () => {
    expect(await notebook.failedCells()).toEqual([]);
    expect(output).toContain('981,853 stars in 8 partitions');
    const found = card(await notebook.notes(CELL), CODE);
    await expect(found).toBeVisible();
    await expect(found).toContainText(/killed/i);
    await expect(found).toContainText(/executor \d/i);
    await expect(found).toContainText('limit 896 MiB');
    await expect(found).toContainText(/[1-9]\d* of \d+ tasks ran twice/);
    await found.getByRole('button', { name: 'Show evidence' }).click();
    await expect(found.locator('.aglais-Evidence[data-source="cgroup"]').first()).toBeVisible();
    await found.getByRole('button', { name: 'Hide evidence' }).click();
    await expect(panel.locator(`.aglais-FindingLink[data-code="${CODE}"]`)).toBeVisible();
  });
  await notebook.scrollTo(CELL);
  await (await notebook.notes(CELL)).evaluate(notes => notes.scrollIntoView({ block: 'end' }));
  await picture(page, 'silent-failure');
  await picture(page, 'panel', panel);
  await page.notebook.save();

  await test.step('the card is there after a reload', async () => {
    await reload(page, notebook);
    await expect(card(await notebook.notes(CELL), CODE)).toBeVisible();
  });

  const secondTab = await page.context().newPage();
  await test.step('the card is there in a second tab', async () => {
    await secondTab.goto(`/doc/tree/${notebook.path}`);
    await expect(card(secondTab, CODE)).toBeVisible();
    // A browser slows the timers of a page in the background down.
    await page.bringToFront();
  });

  for (const mode of WINDOWING_MODES) {
    await test.step(`the card is there with windowing mode ${mode}, after scrolling away and back`, async () => {
      await setWindowingMode(page, mode);
      await reload(page, notebook);
      await expectCardInView(card(await notebook.notes(CELL), CODE));
      await notebook.wheelTo('still-alive', 600);
      await expect(card(page, CODE)).not.toBeInViewport();
      await notebook.wheelTo(CELL, -600);
      await expectCardInView(card(await notebook.notes(CELL), CODE));
    });
  }

  await test.step('the card disappears everywhere when it is dismissed', async () => {
    await card(page, CODE).getByRole('button', { name: 'Dismiss' }).click();
    await expect(card(page, CODE)).toHaveCount(0);
    await expect(card(secondTab, CODE)).toHaveCount(0);
    await reload(page, notebook);
    await expect((await notebook.notes(CELL)).locator('.aglais-RunSummary')).toBeVisible();
    await expect(card(page, CODE)).toHaveCount(0);
  });
});

async function reload(page: IJupyterLabPageFixture, notebook: OpenNotebook): Promise<void> {
  await page.reload();
  await page.locator('.jp-NotebookPanel .jp-Cell').first().waitFor();
  await notebook.activate();
  await notebook.scrollTo(CELL);
}

async function setWindowingMode(page: IJupyterLabPageFixture, mode: string): Promise<void> {
  await page.evaluate(async mode => {
    const settings = (await window.galata.getPlugin(
      '@jupyterlab/apputils-extension:settings'
    )) as unknown as { set(plugin: string, key: string, value: string): Promise<void> };
    await settings.set('@jupyterlab/notebook-extension:tracker', 'windowingMode', mode);
  }, mode);
}

async function expectCardInView(found: Locator): Promise<void> {
  await expect(found).toBeVisible();
  await found.scrollIntoViewIfNeeded();
  await expect(found).toBeInViewport();
}
