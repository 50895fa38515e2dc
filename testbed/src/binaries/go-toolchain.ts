import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cached } from '../cached.js';
import { execute, output, TestbedError } from '../execution.js';

/** Common locations of Go outside of PATH. */
const USUAL_PLACES = ['/usr/local/go/bin', '/usr/lib/go/bin'];

const numbers = (version: string) => version.split('.').map(Number);

/** Whether Go `found` can build what needs `wanted` (both like 1.26.8). */
export function isAtLeast(found: string, wanted: string): boolean {
  const [a, b] = [numbers(found), numbers(wanted)];
  for (let i = 0; i < Math.max(a.length, b.length); i += 1)
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  return true;
}

/** The first URL of a GOPROXY list (go.dev/ref/mod#environment-variables), or null if it has none. */
export function firstProxy(goproxy: string | undefined): string | null {
  const names = (goproxy ?? '').split(/[,|]/).map(name => name.trim().replace(/\/$/, ''));
  return names.find(name => /^https?:\/\//.test(name)) ?? null;
}

/** The path of a toolchain in a module proxy; toolchains are distributed as modules (go.dev/doc/toolchain). */
export function toolchainPath(version: string, arch: string): string {
  return `golang.org/toolchain/@v/v0.0.1-go${version}.linux-${arch === 'x64' ? 'amd64' : arch}`;
}

/** The `go` of this machine if it is new enough, or null. */
export function systemGo(wanted: string): string | null {
  const places = (process.env.PATH ?? '').split(delimiter).concat(USUAL_PLACES);
  for (const place of places) {
    const go = join(place, 'go');
    if (!existsSync(go)) continue;
    const env = { ...process.env, GOTOOLCHAIN: 'local' };
    const version = output(go, ['env', 'GOVERSION'], env)?.replace(/^go/, '');
    if (version && isAtLeast(version, wanted)) return go;
  }
  return null;
}

/**
 * A `go` of at least `wanted`: the machine's, otherwise a toolchain from the Go module proxy.
 * @throws TestbedError that says what is missing
 */
export async function findGo(wanted: string, cache: string, log: string): Promise<string> {
  const found = systemGo(wanted);
  if (found) return found;
  const proxy = firstProxy(process.env.GOPROXY ?? 'https://proxy.golang.org');
  if (!proxy)
    throw new TestbedError(
      `The testbed is built with Go ${wanted} or newer, which is not here, and GOPROXY names no proxy from which it ` +
        'could be fetched. Install Go, or set GOPROXY.'
    );
  const toolchain = toolchainPath(wanted, process.arch);
  const directory = await cached(
    key => join(cache, `go-toolchain-${key}`),
    createHash('sha256').update(toolchain).digest('hex').slice(0, 12),
    async unfinished => {
      const archive = `${unfinished}.zip`;
      const response = await fetch(`${proxy}/${toolchain}.zip`).catch((error: unknown) => error);
      if (!(response instanceof Response) || !response.ok)
        throw new TestbedError(
          `The testbed is built with Go ${wanted} or newer, which is not here, and the module proxy does not give it ` +
            `(${response instanceof Response ? response.status : String(response)}). Install Go and try again.`
        );
      writeFileSync(archive, Buffer.from(await response.arrayBuffer()));
      await execute('python3', ['-m', 'zipfile', '-e', archive, unfinished], { log });
      await execute('rm', [archive], { log });
    }
  );
  // The files in the archive are below golang.org/toolchain@<version>.
  const root = join(directory, toolchain.replace('/@v/', '@'));
  for (const folder of ['bin', 'pkg/tool'])
    await execute('chmod', ['-R', '+x', join(root, folder)], { log });
  const go = join(root, 'bin', 'go');
  if (!existsSync(go))
    throw new TestbedError(`There is no Go in ${root}; delete ${directory} and try again.`);
  return go;
}

/** The text of a module's go.mod in a module cache. */
export function moduleText(go: string, module: string, env: NodeJS.ProcessEnv): string {
  const answer = output(go, ['mod', 'download', '-json', module], env);
  if (!answer)
    throw new TestbedError(
      `The Go module proxy does not give ${module}. Is the network there? (GOPROXY)`
    );
  return readFileSync((JSON.parse(answer) as { GoMod: string }).GoMod, 'utf8');
}
