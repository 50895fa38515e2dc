import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from '@playwright/test';
import { checkout } from '../../setup/paths.mjs';
import { type IJupyterLabPageFixture } from './fixtures';

/**
 * Takes screenshots for the documentation, docs/images/NAME.png and NAME-dark.png, of the page or a part of it. Only if
 * AGLAIS_SCREENSHOTS is 1: other runs do not change files of the checkout.
 */
export async function picture(
  page: IJupyterLabPageFixture,
  name: string,
  part?: Locator
): Promise<void> {
  if (process.env.AGLAIS_SCREENSHOTS !== '1') return;
  const folder = join(checkout, 'docs', 'images');
  await page.sidebar.close('left');
  mkdirSync(folder, { recursive: true });
  const take = async (file: string): Promise<void> => {
    await page.mouse.move(700, 2);
    await (part ?? page).screenshot({ path: join(folder, `${file}.png`), animations: 'disabled' });
  };
  await take(name);
  await page.theme.setDarkTheme();
  await take(`${name}-dark`);
  await page.theme.setLightTheme();
}
