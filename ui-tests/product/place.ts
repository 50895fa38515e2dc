import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../setup/free-port.mjs';
import { checkout } from '../../setup/paths.mjs';

/** The directories of the product under test. */
export interface Place {
  /** Its catalogue, which is built once for all runs, and the root directory of its Jupyter. */
  readonly data: string;
  /** Its state, of this run only. */
  readonly state: string;
  readonly labPort: number;
}

const VARIABLE = 'AGLAIS_UI_TESTS_PLACE';

/** Chosen once, by the process that starts the product; Playwright's workers inherit it. */
export async function choosePlace(): Promise<Place> {
  const chosen = process.env[VARIABLE];
  if (chosen) return JSON.parse(chosen) as Place;
  const place: Place = {
    data: join(checkout, '.setup', 'ui-data'),
    state: realpathSync(mkdtempSync(join(tmpdir(), 'aglais-ui-'))),
    labPort: Number(process.env.AGLAIS_LAB_PORT ?? (await freePort()))
  };
  process.env[VARIABLE] = JSON.stringify(place);
  return place;
}

/** The chosen directories. */
export function place(): Place {
  const chosen = process.env[VARIABLE];
  if (!chosen) throw new Error('No place was chosen: playwright.config.ts does that.');
  return JSON.parse(chosen) as Place;
}
