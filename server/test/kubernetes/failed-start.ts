import { expect } from '@jest/globals';
import { eventually } from '../support/server.js';
import { openStoryRoom } from './story-setting.js';

/**
 * Starts a cluster that cannot start: one finding says why while the notebook waits, the start fails, and nothing of it
 * is left.
 * @param name of its directory in the corpus, if it is recorded
 */
export async function expectFailedStart(
  name: string,
  config: object,
  code: 'image-failed' | 'mount-failed',
  words: RegExp
): Promise<void> {
  const capacity = await openStoryRoom(config, { AGLAIS_START_SECONDS: '20' });
  try {
    const { id } = await capacity.server.user.request('waits');
    const finding = await capacity.found(id, `${code}:application`, words);
    expect(finding).toMatchObject({ confidence: 'certain', severity: 'error' });
    const over = await eventually('its end', async () => {
      const now = await capacity.server.user.cluster(id);
      return now.state === 'failed' && now;
    });
    expect(over.reason).toMatch(/did not start within 20 seconds.*Ask an administrator/);
    await eventually('that it is gone', async () => {
      const { items } = await capacity.core.listNamespacedPod({ namespace: capacity.namespace });
      return items.length === 0;
    });
    await eventually(
      'that all is on record',
      async () => (await capacity.server.user.cluster(id)).stoppedAt
    );
    expect((await capacity.findings(id)).map(one => one.code)).toEqual([code]);
    await capacity.compare(id, name);
  } finally {
    await capacity.close();
  }
}
