import { describe, expect, it } from '@jest/globals';
import { goModule, versionFlags } from '../src/binaries/go-module.js';
import { firstProxy, isAtLeast, toolchainPath } from '../src/binaries/go-toolchain.js';
import { servesRelease } from '../src/binaries/debian.js';

const VERSIONS = {
  kubernetes: '1.35.4',
  etcd: '3.6.12',
  coredns: '1.14.6',
  go: '1.26.8',
  debian: 'x'
};

/** In the format of Kubernetes' own. */
const KUBERNETES = `// This is a generated file.
module k8s.io/kubernetes

go 1.25.0

godebug default=go1.25

require (
\tgithub.com/spf13/cobra v1.10.0
\tgo.etcd.io/etcd/client/v3 v3.6.5
\tk8s.io/api v0.0.0
\tk8s.io/kubelet v0.0.0 // indirect
\tk8s.io/utils v0.0.0-20251002143259-bc988d571ff4
)

require (
\tgo.etcd.io/etcd/pkg/v3 v3.6.5 // indirect
\tgo.etcd.io/etcd/server/v3 v3.6.5 // indirect
)

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/kubelet => ./staging/src/k8s.io/kubelet
)
`;

describe('the go.mod of the testbed', () => {
  const text = goModule(KUBERNETES, VERSIONS);

  it('keeps what Kubernetes pins', () => {
    expect(text).toContain('\tgithub.com/spf13/cobra v1.10.0\n');
    expect(text).toContain(
      '\nk8s.io/utils v0.0.0-20251002143259-bc988d571ff4\n'.replace('\n', '\n\t')
    );
  });

  it('uses the published versions of staging modules, also with comments', () => {
    expect(text).toContain('\tk8s.io/api v0.35.4\n');
    expect(text).toContain('\tk8s.io/kubelet v0.35.4 // indirect\n');
    expect(text).toContain('\tk8s.io/api => k8s.io/api v0.35.4\n');
    expect(text).not.toMatch(/v0\.0\.0(\s|$)/m);
    expect(text).not.toContain('staging');
  });

  it('adds Kubernetes, CoreDNS and one version of the etcd server', () => {
    expect(text).toContain('\tk8s.io/kubernetes v1.35.4\n');
    expect(text).toContain('\tgithub.com/coredns/coredns v1.14.6\n');
    expect(text.match(/etcd\/server\/v3/g)).toHaveLength(1);
    expect(text).toContain('\tgo.etcd.io/etcd/server/v3 v3.6.12\n');
  });

  it('has the version of Go', () => {
    expect(text).toContain('\ngo 1.25.0\n');
    expect(text).toContain('\ngodebug default=go1.25\n');
  });

  it('is not derived from another file', () => {
    expect(() => goModule('module example.org/other\n\ngo 1.25.0\n', VERSIONS)).toThrow(
      'not the go.mod of k8s.io/kubernetes'
    );
  });

  it('comes with a binary that knows its version', () => {
    expect(versionFlags('1.35.4')).toContain('-X k8s.io/component-base/version.gitVersion=v1.35.4');
    expect(versionFlags('1.35.4')).toContain('version.gitMinor=35');
  });
});

describe('the toolchain', () => {
  it('may be newer than required, not older', () => {
    expect(isAtLeast('1.26.8', '1.26.8')).toBe(true);
    expect(isAtLeast('1.27', '1.26.8')).toBe(true);
    expect(isAtLeast('1.26.10', '1.26.8')).toBe(true);
    expect(isAtLeast('1.26', '1.26.8')).toBe(false);
    expect(isAtLeast('1.9.9', '1.26.0')).toBe(false);
  });

  it('comes from the first proxy in the list', () => {
    expect(firstProxy('https://one.example/,direct')).toBe('https://one.example');
    expect(firstProxy('direct,https://one.example|https://two.example')).toBe(
      'https://one.example'
    );
    expect(firstProxy('off')).toBeNull();
    expect(firstProxy(undefined)).toBeNull();
  });

  it('is a module', () => {
    expect(toolchainPath('1.26.8', 'x64')).toBe(
      'golang.org/toolchain/@v/v0.0.1-go1.26.8.linux-amd64'
    );
  });
});

describe('package sources', () => {
  it('are recognized in both formats', () => {
    expect(servesRelease('Types: deb\nSuites: bookworm bookworm-updates\n', 'bookworm')).toBe(true);
    expect(servesRelease('deb [arch=amd64] mirror bookworm main\n', 'bookworm')).toBe(true);
    expect(servesRelease('Suites: bookworm-security\n', 'bookworm')).toBe(true);
  });

  it('are not suites of other products, nor other releases', () => {
    expect(servesRelease('deb mirror cloud-sdk-bookworm main\n', 'bookworm')).toBe(false);
    expect(servesRelease('Suites: trixie\n', 'bookworm')).toBe(false);
    expect(servesRelease('# deb mirror bookworm main\n', 'bookworm')).toBe(false);
  });
});
