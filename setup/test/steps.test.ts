import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fasterSteps, steps as setUpSteps } from '../setup.mjs';
import { isDone, prepare, SetupError, type Step } from '../steps.mjs';

describe('The setup', () => {
  const progress = { begin: () => undefined, say: () => undefined, end: () => undefined };
  let records: string;
  let happened: string[];

  beforeEach(() => {
    records = mkdtempSync(join(tmpdir(), 'aglais-steps-'));
    happened = [];
  });
  afterEach(() => rmSync(records, { recursive: true }));

  const step = (name: string, needs: string[], run?: Step['run']): Step => ({
    ...{ name, needs, inputs: [], makes: [] },
    run:
      run ??
      (async () => {
        happened.push(`begin ${name}`);
        await sleep(50);
        happened.push(`end ${name}`);
      })
  });

  it('runs independent steps concurrently, and the others afterwards', async () => {
    const all = [step('node', []), step('python', []), step('lab', ['node', 'python'])];
    expect(await prepare(all, { records, progress })).toBe(3);
    expect(happened.slice(0, 2).sort()).toEqual(['begin node', 'begin python']);
    expect(happened.slice(2, 4).sort()).toEqual(['end node', 'end python']);
    expect(happened.slice(4)).toEqual(['begin lab', 'end lab']);
  });

  it('runs nothing twice', async () => {
    const all = [step('node', []), step('lab', ['node'])];
    await prepare(all, { records, progress });
    expect(await prepare(all, { records, progress })).toBe(0);
  });

  it('ends running steps when one fails, starts no others, and resumes from there', async () => {
    const endless = step('python', [], async ({ run }) => {
      await run('sh', ['-c', `sleep 60; touch ${join(records, 'late')}`]);
    });
    let broken = true;
    const breaks = step('node', [], () =>
      broken ? Promise.reject(new SetupError('There is no network.')) : Promise.resolve()
    );
    const all = [breaks, endless, step('lab', ['node'])];
    const begun = Date.now();
    await expect(prepare(all, { records, progress })).rejects.toThrow('There is no network.');
    expect(Date.now() - begun).toBeLessThan(20_000);
    expect(happened).toEqual([]);
    expect(await isDone(endless, records)).toBe(false);
    broken = false;
    await prepare([breaks, step('lab', ['node'])], { records, progress });
    expect(happened).toEqual(['begin lab', 'end lab']);
  });

  it('leaves no program running when it is interrupted', async () => {
    const pid = join(records, 'pid');
    const script = join(records, 'interrupted.mjs');
    const modules = join(import.meta.dirname, '..', 'steps.mjs');
    writeFileSync(
      script,
      `import { prepare } from ${JSON.stringify(modules)};
await prepare(
  [{ name: 'long', inputs: [], makes: [], run: ({ run }) => run('sh', ['-c', 'sleep 60 & echo $! > ${pid}; wait']) }],
  { records: ${JSON.stringify(records)} }
);`
    );
    const child = spawn(process.execPath, [script], { stdio: 'ignore' });
    const ended = new Promise(resolve => child.once('exit', resolve));
    while (!existsSync(pid) || readFileSync(pid, 'utf8') === '') await sleep(20);
    child.kill('SIGTERM');
    expect(await ended).toBe(130);
    const state = () => spawnSync('ps', ['-o', 'stat=', '-p', readFileSync(pid, 'utf8').trim()]);
    // Without a parent that reaps it, its entry stays as a zombie.
    for (let left = 100; left > 0 && /^[^Z]/.test(String(state().stdout)); left -= 1)
      await sleep(50);
    expect(String(state().stdout)).toMatch(/^(Z.*)?\s*$/);
  });

  it('has each step after those that it needs', () => {
    const names: string[] = [];
    for (const { name, needs = [] } of [...setUpSteps, ...fasterSteps]) {
      expect(names).toEqual(expect.arrayContaining(needs));
      names.push(name);
    }
  });
});
