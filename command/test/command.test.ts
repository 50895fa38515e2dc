import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Report } from '@aglais/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runCommand } from '../src/command.js';
import { beginning, END, Folder, killedOnce, linesOf } from './logs.js';
import { Leaver, run, Screen } from './terminal.js';

// Processes and files: slow on a busy machine.
jest.setTimeout(60_000);

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.remove());

const fine = () => folder.write('fine', [...beginning('fine', 'app-fine'), END]);
const hurt = () => folder.write('hurt', [...beginning('hurt', 'app-hurt'), ...killedOnce(), END]);

describe('The exit status', () => {
  it('is 0 without problems', async () => {
    const { status, stdout, stderr } = await run(['diagnose', fine()]);
    expect(stdout).toContain('No problems found');
    expect([status, stderr]).toEqual([0, '']);
  });

  it('is 1 with a warning', async () => {
    const { status, stdout, stderr } = await run(['diagnose', hurt()]);
    expect(stdout).toContain('Executor 1 was killed');
    expect([status, stderr]).toEqual([1, '']);
  });

  it('is 2 if one of several logs could not be read; the others are diagnosed', async () => {
    const missing = join(folder.path, 'missing');
    const { status, stdout, stderr } = await run(['diagnose', missing, hurt(), fine()]);
    expect(status).toBe(2);
    expect(stderr.replace(/\s+/g, ' ')).toBe(
      `Could not read ${missing}: no such file or directory `
    );
    expect(stdout).toContain('2 applications: 1 with warnings, 1 without problems.');
  });

  it.each([
    ['is empty', '', /the file is empty/],
    ['is something else', 'hello\n\nworld\n', /not a Spark event log/],
    ['is some other JSON', '{"a":1}\n[]\n', /not a Spark event log/]
  ])('is 2 for a file that %s: never "no problems"', async (_what, text, message) => {
    const path = folder.write('file', text === '' ? [] : [text]);
    const { status, stdout, stderr } = await run(['diagnose', path]);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.replace(/\s+/g, ' ')).toMatch(message);
  });

  it('is 2 for invalid options, with the usage', async () => {
    const { status, stdout, stderr } = await run(['diagnose', fine(), '--nonsense']);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^aglais: Unknown option '--nonsense'\n\nUsage: aglais diagnose/);
  });

  it('is 2 if the report cannot be written', async () => {
    const path = join(folder.path, 'no', 'such', 'folder');
    const { status, stderr } = await run(['diagnose', fine(), '-o', path]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^aglais: /);
  });

  it('is 2 if evidence could not be read, and the log is diagnosed nevertheless', async () => {
    const { status, stdout, stderr } = await run([
      'diagnose',
      hurt(),
      '--evidence',
      'no-such-file'
    ]);
    expect(status).toBe(2);
    expect(stdout).toContain('Executor 1 was killed');
    expect(stderr).toContain('no-such-file: no such file or directory');
  });
});

describe('The command', () => {
  it('uses additional evidence: a likely finding becomes certain', async () => {
    const likely = await run(['diagnose', hurt(), '--format', 'json']);
    expect(Report.parse(JSON.parse(likely.stdout)).applications[0]!.findings).toMatchObject([
      { code: 'executor-oom-killed', confidence: 'likely' }
    ]);
    const evidence = folder.write('evidence', [
      {
        ...{ kind: 'cgroup', executor: '1', at: 1, oomKills: 1, limitMiB: 896, peakMiB: 896 },
        ...{ quote: 'oom_kill 1', ref: 'memory.oom_control' }
      }
    ]);
    const certain = await run(['diagnose', hurt(), '--evidence', evidence, '--format', 'json']);
    expect(Report.parse(JSON.parse(certain.stdout)).applications[0]!.findings).toMatchObject([
      { code: 'executor-oom-killed', confidence: 'certain' }
    ]);
  });

  it('rejects evidence that could belong to any of several applications', async () => {
    const { status, stderr } = await run(['diagnose', fine(), hurt(), '--client', 'c']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/--client does not name its application/);
  });

  it('writes JSON that matches the published schema, also for a corrupt log and without findings', async () => {
    const damaged = folder.write('damaged', [...beginning(), 'not JSON', END]);
    for (const paths of [[hurt()], [fine(), hurt(), damaged], ['no-such-file']]) {
      const { stdout } = await run(['diagnose', ...paths, '--format', 'json']);
      const report = Report.parse(JSON.parse(stdout));
      expect(report.applications.length + report.unread.length).toBe(paths.length);
    }
    const { stdout } = await run(['diagnose', damaged, '--format', 'json']);
    expect(Report.parse(JSON.parse(stdout)).applications[0]).toMatchObject({
      problemCount: 1,
      problems: [{ file: damaged, line: 4 }]
    });
  });

  it('prints a table for a directory of logs, and their findings below it with --details', async () => {
    mkdirSync(join(folder.path, 'empty'));
    fine();
    hurt();
    folder.write('notes.txt', ['nothing']);
    const table = await run(['diagnose', folder.path]);
    expect(table.stdout).toMatch(/^2 applications: 1 with warnings, 1 without problems\.\n/);
    expect(table.stdout.match(/^app-\w+/gm)).toEqual(['app-hurt', 'app-fine']);
    expect(table.stdout).not.toContain('Command exited');
    const details = await run(['diagnose', folder.path, '--details']);
    expect(details.stdout.startsWith(table.stdout)).toBe(true);
    expect(details.stdout).toContain('Command exited with code 137');
    const none = await run(['diagnose', join(folder.path, 'empty')]);
    expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('no Spark event log')]);
  });

  it.each(['text', 'json', 'markdown', 'html'])('writes %s to a file', async format => {
    const output = join(folder.path, 'report');
    const printed = await run(['diagnose', hurt(), '--format', format]);
    const { status, stdout } = await run(['diagnose', hurt(), '--format', format, '-o', output]);
    expect([status, stdout]).toEqual([1, '']);
    expect(readFileSync(output, 'utf8')).toBe(printed.stdout);
    expect(printed.stdout).toContain('Executor 1 was killed');
  });

  it('prints only findings that were last seen after a time', async () => {
    const path = hurt();
    const before = await run(['diagnose', path, '--since', '2026-11-20T23:00:01Z']);
    expect(before.status).toBe(1);
    const after = await run(['diagnose', path, '--since', '2026-11-20T23:00:59Z']);
    expect(after.status).toBe(0);
    expect(after.stdout).not.toContain('killed');
  });

  it('passes no control sequences or markup of a hostile log to the terminal or the page', async () => {
    const evil = '\u001b[2J<script>alert(1)</script>';
    const path = folder.write('evil', [
      ...beginning(evil, evil),
      ...killedOnce(`${evil} exit code 137`),
      `${evil} not JSON`,
      END
    ]);
    for (const format of ['text', 'json', 'markdown', 'html']) {
      const { stdout } = await run(['diagnose', path, '--format', format]);
      expect(stdout).toContain('alert(1)');
      expect(stdout).not.toContain('\u001b');
      if (format === 'html') expect(stdout).not.toContain('<script');
    }
  });

  it('exits silently when its reader closes the stream', async () => {
    const screen = new Screen();
    const stdout = new Leaver();
    const logs = Array.from({ length: 5 }, (_, index) =>
      folder.write(`log-${index}`, [...beginning('x', `app-${index}`), END])
    );
    const status = await runCommand(
      ['diagnose', ...logs, '--format', 'json'],
      { ...screen, stdout, now: () => 0 },
      { worker: null, signal: new AbortController().signal }
    );
    expect(screen.text.stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout.pieces).toBe(2);
  });
});

describe('Following a log', () => {
  const until = async (condition: () => boolean): Promise<void> => {
    const latest = Date.now() + 20_000;
    while (!condition()) {
      if (Date.now() > latest) throw new Error(`in vain: ${condition.toString()}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };

  it('prints a finding when it occurs, and returns the exit status when it is stopped', async () => {
    const path = folder.write('live', beginning());
    const screen = new Screen();
    const ended = new AbortController();
    const status = runCommand(['diagnose', path, '--follow'], screen, {
      worker: null,
      signal: ended.signal
    });
    await until(() => screen.text.stdout.includes('No problems found'));
    expect(screen.text.stdout).not.toContain('killed');
    appendFileSync(path, linesOf(killedOnce()));
    await until(() => screen.text.stdout.includes('Executor 1 was killed'));
    appendFileSync(path, linesOf([END]));
    await until(() => screen.text.stdout.includes('The application ended'));
    ended.abort();
    expect(await status).toBe(1);
    expect(screen.text.stdout.match(/Executor 1 was killed/g)).toHaveLength(1);
  });

  it('waits for a log that does not exist yet, and prints each change as a line of JSON', async () => {
    const path = join(folder.path, 'later');
    const screen = new Screen();
    const ended = new AbortController();
    const status = runCommand(['diagnose', path, '-f', '--format', 'json'], screen, {
      worker: null,
      signal: ended.signal
    });
    await until(() => screen.text.stderr.includes('Waiting for'));
    folder.write('later', [...beginning(), ...killedOnce()]);
    await until(() => screen.text.stdout.includes('\n'));
    ended.abort();
    await status;
    const lines = screen.text.stdout.trim().split('\n');
    expect(lines.map(line => JSON.parse(line) as object)).toMatchObject([
      { change: 'new', finding: { code: 'executor-oom-killed' } }
    ]);
  });

  it('continues in compressed logs and rolling directories as they grow, and reads nothing twice', async () => {
    const gzipped = join(folder.path, 'app.gz');
    writeFileSync(gzipped, gzipSync(linesOf(beginning())));
    const rolling = join(folder.path, 'eventlog_v2_app-1');
    mkdirSync(rolling);
    writeFileSync(join(rolling, 'appstatus_app-1.inprogress'), '');
    writeFileSync(join(rolling, 'events_1_app-1'), linesOf(beginning()));
    for (const [path, grow] of [
      [gzipped, () => appendFileSync(gzipped, gzipSync(linesOf(killedOnce())))],
      [rolling, () => writeFileSync(join(rolling, 'events_2_app-1'), linesOf(killedOnce()))]
    ] as const) {
      const screen = new Screen();
      const ended = new AbortController();
      const status = runCommand(['diagnose', path, '--follow'], screen, {
        worker: null,
        signal: ended.signal
      });
      await until(() => screen.text.stdout.includes('No problems found'));
      grow();
      await until(() => screen.text.stdout.includes('Executor 1 was killed'));
      ended.abort();
      expect(await status).toBe(1);
      expect(screen.text.stdout.match(/Executor 1 was killed/g)).toHaveLength(1);
    }
  });

  it('keeps a page up to date', async () => {
    const path = folder.write('live', beginning());
    const output = join(folder.path, 'report.html');
    const ended = new AbortController();
    const status = runCommand(['diagnose', path, '--follow', '-o', output], new Screen(), {
      worker: null,
      signal: ended.signal
    });
    await until(() => existsSync(output));
    expect(readFileSync(output, 'utf8')).toContain('No problems found');
    appendFileSync(path, linesOf(killedOnce()));
    await until(() => readFileSync(output, 'utf8').includes('Executor 1 was killed'));
    ended.abort();
    expect(await status).toBe(1);
  });
});
