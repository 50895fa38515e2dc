import { test as galata } from '@jupyterlab/galata';
import type { Page } from '@playwright/test';

export { expect, type IJupyterLabPageFixture } from '@jupyterlab/galata';

/** Galata's test, except that any document may be open after a reload, not only the launcher. */
export const test = galata.extend({
  waitForApplication: async ({ baseURL: _ }, use) => {
    await use(async (page: Page) => {
      await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
    });
  }
});
