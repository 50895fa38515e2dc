import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import type { NotebookMemory } from '@aglais/protocol';
import { NotebookMemoryPoll } from '../src/backend/notebook-memory-poll';
import { Rest } from '../src/backend/rest';
import {
  reachableLimit,
  formatUsage,
  formatRemarks,
  offeredLimits
} from '../src/notebook-memory/messages';

const trans = nullTranslator.load('aglais');

function memory(parts: Partial<NotebookMemory> = {}): NotebookMemory {
  return {
    pod: 'hub/jupyter-ada',
    limitMiB: 2048,
    usedMiB: 1434,
    oomKills: 0,
    maxMiB: 8192,
    pendingMiB: null,
    waitingFor: null,
    blockedReason: null,
    ...parts
  };
}

describe('the memory that a card offers for a killed kernel', () => {
  it('is what would have been enough, up to the maximum', () => {
    expect(reachableLimit(memory(), 4096, trans)).toEqual({ memoryMiB: 4096 });
    expect(reachableLimit(memory({ maxMiB: 3000 }), 4096, trans)).toEqual({ memoryMiB: 3000 });
  });

  it('is replaced by the reason if the limit cannot be raised', () => {
    const reason = (parts: Partial<NotebookMemory>): unknown =>
      reachableLimit(memory(parts), 4096, trans);
    expect(reason({ limitMiB: 4096 })).toEqual({
      reason: 'The notebook already has this much memory.'
    });
    expect(reason({ maxMiB: 2048 })).toEqual({
      reason: 'The notebook already has the maximum memory.'
    });
    expect(reason({ blockedReason: 'It would restart.' })).toEqual({ reason: 'It would restart.' });
    expect(reason({ limitMiB: null, blockedReason: 'It has no limit.' })).toEqual({
      reason: 'It has no limit.'
    });
  });
});

describe('the memory of Jupyter in the panel', () => {
  it('is the use and the limit, or the limit alone', () => {
    expect(formatUsage(memory(), trans)).toBe('1.4 of 2.0 GiB');
    expect(formatUsage(memory({ usedMiB: null }), trans)).toBe('limit 2.0 GiB');
  });

  it('can be raised in steps up to the maximum', () => {
    expect(offeredLimits(memory())).toEqual([3072, 4096, 6144, 8192]);
    expect(offeredLimits(memory({ limitMiB: 300, maxMiB: 700 }))).toEqual([512, 640, 700]);
    expect(offeredLimits(memory({ limitMiB: 8192 }))).toEqual([]);
    expect(offeredLimits(memory({ blockedReason: 'no' }))).toEqual([]);
    expect(offeredLimits(memory({ limitMiB: null, blockedReason: 'no limit' }))).toEqual([]);
  });

  it('comes with kills, a pending limit, and why it cannot be raised', () => {
    expect(formatRemarks(memory(), trans)).toEqual([]);
    expect(formatRemarks(memory({ oomKills: 2 }), trans)).toEqual([
      '2 processes were killed for lack of memory.'
    ]);
    const waiting = memory({ pendingMiB: 4096, waitingFor: 'memory on its node' });
    expect(formatRemarks(waiting, trans)).toEqual([
      '4.0 GiB requested; waiting for memory on its node.'
    ]);
    expect(formatRemarks(memory({ limitMiB: 8192 }), trans)).toEqual([
      'It has the maximum memory.'
    ]);
  });
});

describe('polling the memory of Jupyter, with a real HTTP server', () => {
  let server: Server;
  let rest: Rest;
  let requests: string[];
  let answer: { status: number; body: object };

  beforeEach(async () => {
    requests = [];
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      requests.push(`${request.method} ${request.url} ${body}`.trim());
      response.writeHead(answer.status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer.body));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const baseUrl = `http://127.0.0.1:${port}/user/ada/`;
    rest = new Rest(ServerConnection.makeSettings({ baseUrl, appendToken: false }), trans);
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });

  it('goes through the Jupyter server, which knows its pod', async () => {
    answer = { status: 200, body: memory() };
    expect(await rest.notebookMemory()).toEqual(memory());
    await rest.raiseMemoryLimit({ memoryMiB: 4096 });
    const path = '/user/ada/aglais/api/v1/notebook-memory';
    expect(requests).toEqual([`GET ${path}`, `POST ${path} {"memoryMiB":4096}`]);
  });

  it('continues while it succeeds, and backs off if the memory is not managed', async () => {
    answer = { status: 200, body: memory() };
    const received: (NotebookMemory | null)[] = [];
    const poll = new NotebookMemoryPoll(
      () => rest.notebookMemory(),
      one => received.push(one),
      50
    );
    try {
      await until(() => received.length > 3);
      // While the backend is unreachable, the last known memory stays.
      answer = { status: 502, body: { detail: 'unreachable' } };
      const failed = requests.length + 2;
      await until(() => requests.length >= failed);
      expect(received.at(-1)).toEqual(memory());
      answer = { status: 404, body: { detail: 'no notebook pods' } };
      poll.refresh();
      await until(() => received.at(-1) === null);
      const before = requests.length;
      await sleep(600);
      expect(requests.length - before).toBeLessThan(8);
    } finally {
      poll.dispose();
    }
  });
});

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('The condition was not met within 10 s.');
    await sleep(10);
  }
}
