import type { Versions } from '../versions.js';

/**
 * The go.mod of the testbed's binary, derived from that of k8s.io/kubernetes: its requirements pin every dependency,
 * and its staging modules, which are v0.0.0 there, are published as v0.<minor>.<patch>.
 * @param kubernetesModule the text of k8s.io/kubernetes' go.mod
 * @throws Error if the text is not such a go.mod
 */
export function goModule(kubernetesModule: string, versions: Versions): string {
  const staging = `v0.${versions.kubernetes.split('.').slice(1).join('.')}`;
  const go = /^go (\S+)$/m.exec(kubernetesModule)?.[1];
  const requirements = [...kubernetesModule.matchAll(/^require \(\n([^)]*)^\)/gm)]
    .map(match => match[1] ?? '')
    .join('')
    // Only a bare v0.0.0: pseudo-versions start the same way.
    .replace(/^(\tk8s\.io\/[a-z-]+) v0\.0\.0(?=\s|$)/gm, `$1 ${staging}`)
    // Added below, at the version of the client that CoreDNS needs.
    .replace(/^\tgo\.etcd\.io\/etcd\/(server|pkg)\/v3 .*\n/gm, '');
  const replaced = [...kubernetesModule.matchAll(/^\t(k8s\.io\/[a-z-]+) => \.\/staging\//gm)].map(
    match => match[1]
  );
  if (!go || requirements === '' || replaced.length === 0)
    throw new Error('This is not the go.mod of k8s.io/kubernetes.');
  return [
    'module aglais.org/testbed/kube',
    `go ${go}`,
    `godebug default=go${go.split('.').slice(0, 2).join('.')}`,
    `require (\n${requirements})`,
    [
      'require (',
      `\tgithub.com/coredns/coredns v${versions.coredns}`,
      `\tgo.etcd.io/etcd/pkg/v3 v${versions.etcd}`,
      `\tgo.etcd.io/etcd/server/v3 v${versions.etcd}`,
      `\tk8s.io/kubernetes v${versions.kubernetes}`,
      ')'
    ].join('\n'),
    ['replace (', ...replaced.map(name => `\t${name} => ${name} ${staging}`), ')'].join('\n'),
    ''
  ].join('\n\n');
}

/** Linker flags that set the version (hack/lib/version.sh of Kubernetes). */
export function versionFlags(kubernetes: string): string {
  const [major, minor] = kubernetes.split('.');
  const values = {
    'k8s.io/component-base/version.gitVersion': `v${kubernetes}`,
    'k8s.io/component-base/version.gitMajor': major,
    'k8s.io/component-base/version.gitMinor': minor,
    'k8s.io/component-base/version.gitTreeState': 'clean',
    'k8s.io/client-go/pkg/version.gitVersion': `v${kubernetes}`
  };
  return ['-s -w', ...Object.entries(values).map(([name, value]) => `-X ${name}=${value}`)].join(
    ' '
  );
}
