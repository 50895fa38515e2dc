import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Process {
  readonly pid: number;
  readonly command: string;
}

/**
 * The processes that were started with this environment variable, and their descendants: it identifies all processes of
 * the product, whatever their current parent is.
 */
export function processesWith(variable: string, value: string): Process[] {
  return process.platform === 'linux' ? ofProc(variable, value) : ofPs(variable, value);
}

function ofProc(variable: string, value: string): Process[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        const read = (file: string): string[] =>
          readFileSync(join('/proc', pid, file), 'utf8').split('\0');
        if (!read('environ').includes(`${variable}=${value}`)) return [];
        return [{ pid: Number(pid), command: read('cmdline').join(' ').trim() }];
      } catch {
        return []; // It ended meanwhile, or belongs to another user.
      }
    });
}

function ofPs(variable: string, value: string): Process[] {
  return execFileSync('ps', ['-axEww', '-o', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20
  })
    .split('\n')
    .filter(line => `${line} `.includes(` ${variable}=${value} `))
    .map(line => ({ pid: Number.parseInt(line, 10), command: line.trim().slice(0, 200) }));
}
