import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, keyOf } from '../cached.js';
import { checkout } from '../directories.js';
import { execute, type Progress } from '../execution.js';
import type { Versions } from '../versions.js';
import { goModule, versionFlags } from './go-module.js';
import { findGo, moduleText } from './go-toolchain.js';

/** The names under which the binary is called. */
export const KUBE_PROGRAMS = [
  'coredns',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-proxy',
  'kube-scheduler',
  'kubectl',
  'kubelet'
] as const;

const source = join(checkout, 'testbed', 'kube');

/** Builds Kubernetes, etcd and CoreDNS as one binary, once for each set of versions; returns the directory of links. */
export async function buildKube(
  versions: Versions,
  cache: string,
  progress: Progress
): Promise<string> {
  const { kubernetes, etcd, coredns } = versions;
  const key = keyOf([kubernetes, etcd, coredns, process.arch], [source]);
  return cached(
    value => join(cache, `kube-${value}`),
    key,
    async unfinished => {
      const log = join(cache, 'logs', 'kube.log');
      const go = await findGo(versions.go, cache, log);
      const work = join(cache, 'kube-source');
      const env = {
        ...process.env,
        GOMODCACHE: join(cache, 'go', 'modules'),
        GOCACHE: join(cache, 'go', 'build'),
        GOTOOLCHAIN: 'local',
        GOFLAGS: '-mod=mod -trimpath -buildvcs=false -modcacherw',
        GOWORK: 'off',
        CGO_ENABLED: '0'
      };
      rmSync(work, { recursive: true, force: true });
      cpSync(source, work, { recursive: true });
      progress.say(`Kubernetes ${kubernetes}: its modules`);
      writeFileSync(
        join(work, 'go.mod'),
        goModule(moduleText(go, `k8s.io/kubernetes@v${kubernetes}`, env), versions)
      );
      await execute(go, ['list', '-deps', '.'], { cwd: work, env, log: `${log}.modules` });
      progress.say('Kubernetes: compiling (some six minutes on two cores the first time)');
      mkdirSync(unfinished, { recursive: true });
      const binary = join(unfinished, 'kube');
      await execute(go, ['build', '-ldflags', versionFlags(kubernetes), '-o', binary, '.'], {
        cwd: work,
        env,
        log
      });
      for (const name of KUBE_PROGRAMS) symlinkSync('kube', join(unfinished, name));
      rmSync(work, { recursive: true, force: true });
    }
  );
}
