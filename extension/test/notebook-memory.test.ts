import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import type { NotebookMemory } from '@aglais/protocol';
import { NotebookMemoryPoll } from '../src/backend/notebook-memory';
import { Rest } from '../src/backend/rest';
import { growth, memoryFigure, memoryRemarks, sizes } from '../src/notebook-memory/messages';

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

describe('what a card offers for a kernel that was killed', () => {
  it('is what would have helped, or as much of it as can be given', () => {
    expect(growth(memory(), 4096, trans)).toEqual({ memoryMiB: 4096 });
    expect(growth(memory({ maxMiB: 3000 }), 4096, trans)).toEqual({ memoryMiB: 3000 });
  });

  it('is nothing once it is given, or where it cannot be; then it says so', () => {
    const why = (parts: Partial<NotebookMemory>): unknown => growth(memory(parts), 4096, trans);
    expect(why({ limitMiB: 4096 })).toEqual({ why: 'The notebook has this much now.' });
    expect(why({ maxMiB: 2048 })).toEqual({
      why: 'The notebook has the most that it can be given.'
    });
    expect(why({ blockedReason: 'It would restart.' })).toEqual({ why: 'It would restart.' });
    expect(why({ limitMiB: null, blockedReason: 'It has no limit.' })).toEqual({
      why: 'It has no limit.'
    });
  });
});

describe('the memory of Jupyter in the panel', () => {
  it('is what is used of the limit, or the limit alone', () => {
    expect(memoryFigure(memory(), trans)).toBe('1.4 of 2.0 GiB');
    expect(memoryFigure(memory({ usedMiB: null }), trans)).toBe('2.0 GiB granted');
  });

  it('can be had in steps up to the most', () => {
    expect(sizes(memory())).toEqual([3072, 4096, 6144, 8192]);
    expect(sizes(memory({ limitMiB: 300, maxMiB: 700 }))).toEqual([512, 640, 700]);
    expect(sizes(memory({ limitMiB: 8192 }))).toEqual([]);
    expect(sizes(memory({ blockedReason: 'no' }))).toEqual([]);
    expect(sizes(memory({ limitMiB: null, blockedReason: 'no limit' }))).toEqual([]);
  });

  it('says what was killed, what is waited for, and why there is no more', () => {
    expect(memoryRemarks(memory(), trans)).toEqual([]);
    expect(memoryRemarks(memory({ oomKills: 2 }), trans)).toEqual([
      '2 processes were killed for lack of memory.'
    ]);
    const waiting = memory({ pendingMiB: 4096, waitingFor: 'room on its node' });
    expect(memoryRemarks(waiting, trans)).toEqual([
      '4.0 GiB are asked for; waiting for: room on its node'
    ]);
    expect(memoryRemarks(memory({ limitMiB: 8192 }), trans)).toEqual([
      'It has the most that it can be given.'
    ]);
  });
});

describe('asking for the memory of Jupyter, with a real HTTP server', () => {
  let server: Server;
  let rest: Rest;
  let asked: string[];
  let answer: { status: number; body: object };

  beforeEach(async () => {
    asked = [];
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      asked.push(`${request.method} ${request.url} ${body}`.trim());
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
    await rest.growNotebook({ memoryMiB: 4096 });
    const path = '/user/ada/aglais/api/v1/notebook-memory';
    expect(asked).toEqual([`GET ${path}`, `POST ${path} {"memoryMiB":4096}`]);
  });

  it('goes on as long as it is answered, and seldom where nobody looks after it', async () => {
    answer = { status: 200, body: memory() };
    const told: (NotebookMemory | null)[] = [];
    const poll = new NotebookMemoryPoll(
      () => rest.notebookMemory(),
      one => told.push(one),
      50
    );
    await sleep(400);
    expect(told.length).toBeGreaterThan(3);
    // What was known is shown on while the server is away.
    answer = { status: 502, body: { detail: 'away' } };
    await sleep(200);
    expect(told.at(-1)).toEqual(memory());
    answer = { status: 404, body: { detail: 'no pods of notebooks' } };
    poll.refresh();
    await sleep(100);
    expect(told.at(-1)).toBeNull();
    const before = asked.length;
    await sleep(600);
    expect(asked.length - before).toBeLessThan(8);
    poll.dispose();
  });
});
