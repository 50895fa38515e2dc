import { join } from 'node:path';
import { stringify } from 'yaml';
import { PROBE_IMAGE } from '../images/probe-image.js';
import type { Layout } from './layout.js';
import { type Network, NODE_NAME, PORTS } from './network.js';

/** The memory cgroup of all pods of the testbed; a real kubelet on this machine uses another one. */
export const CGROUP_ROOT = 'aglais-testbed';

export interface Host {
  /**
   * Whether oom_score_adj may be lowered (CAP_SYS_RESOURCE); without it containerd fails for every pod that needs it.
   */
  mayLowerOomScore: boolean;
  /** The directory of the unpacked programs. */
  programs: string;
}

/** All configuration files, by their names in the layout's `configuration` directory. */
export function configurationFiles(
  layout: Layout,
  network: Network,
  host: Host
): Record<string, string> {
  return {
    'containerd.toml': containerdConfiguration(layout, host),
    'cni/10-testbed.conflist': `${JSON.stringify(podNetwork(layout, network), null, 2)}\n`,
    'kubelet.yaml': stringify(kubeletConfiguration(layout, network)),
    'kube-proxy.yaml': stringify(proxyConfiguration(layout, network)),
    Corefile: dnsConfiguration(layout, network),
    'resolv.conf': `nameserver ${network.node}\n`
  };
}

/** containerd 1.6 and later (docs/cri/config.md, version 2). */
function containerdConfiguration(layout: Layout, host: Host): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${join(layout.containerd, 'root')}"
state = "${join(layout.containerd, 'state')}"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "${layout.socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${join(layout.containerd, 'opt')}"

[${cri}]
  sandbox_image = "${PROBE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = ${!host.mayLowerOomScore}
  stream_server_address = "127.0.0.1"
  [${cri}.cni]
    bin_dir = "${join(host.programs, 'cni')}"
    conf_dir = "${join(layout.configuration, 'cni')}"
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        BinaryName = "${join(host.programs, 'usr', 'sbin', 'runc')}"
        Root = "${join(layout.containerd, 'runc')}"
        SystemdCgroup = false
`;
}

/**
 * Each pod has a point-to-point link (CNI's ptp) instead of a bridge: so all traffic between pods is routed, and passes
 * the rules of network policies.
 */
function podNetwork(layout: Layout, network: Network) {
  return {
    cniVersion: '1.0.0',
    name: 'testbed',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: layout.addresses,
          ranges: [[{ subnet: network.pods }]],
          routes: [{ dst: '0.0.0.0/0' }]
        }
      }
    ]
  };
}

function kubeletConfiguration(layout: Layout, network: Network) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: network.node,
    port: PORTS.kubelet,
    healthzBindAddress: network.node,
    healthzPort: PORTS.kubeletHealth,
    containerRuntimeEndpoint: `unix://${layout.socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${CGROUP_ROOT}`,
    // Machines with cgroup version 1 still exist.
    failCgroupV1: false,
    failSwapOn: false,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(layout.pki, 'ca.crt') }
    },
    authorization: { mode: 'Webhook' },
    clusterDNS: [network.node],
    clusterDomain: 'cluster.local',
    resolvConf: join(layout.configuration, 'resolv.conf'),
    podLogsDir: layout.podLogs,
    volumePluginDir: join(layout.kubelet, 'volume-plugins'),
    maxPods: 200,
    // A full disk of the machine is not part of the tests; their evictions depend on the limits of pods.
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
      'nodefs.inodesFree': '1%'
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    serializeImagePulls: false,
    makeIPTablesUtilChains: false,
    nodeStatusUpdateFrequency: '2s'
  };
}

function proxyConfiguration(layout: Layout, network: Network) {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: join(layout.pki, 'kube-proxy.kubeconfig') },
    clusterCIDR: network.pods,
    bindAddress: network.node,
    healthzBindAddress: `${network.node}:${PORTS.proxyHealth}`,
    metricsBindAddress: `${network.node}:${PORTS.proxyMetrics}`,
    // The machine's conntrack table is left unchanged.
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' }
  };
}

function dnsConfiguration(layout: Layout, network: Network): string {
  return `.:${PORTS.dns} {
  bind ${network.node}
  errors
  health ${network.node}:${PORTS.dnsHealth}
  kubernetes cluster.local {
    kubeconfig ${join(layout.pki, 'coredns.kubeconfig')}
    pods insecure
    ttl 1
  }
}
`;
}

/** How each program is called; keys are the names of the programs. */
export function programArguments(layout: Layout, network: Network) {
  const pki = (name: string) => join(layout.pki, name);
  const configuration = (name: string) => join(layout.configuration, name);
  const etcd = `https://${network.node}:${PORTS.etcd}`;
  const etcdPeer = `http://127.0.0.1:${PORTS.etcdPeer + 10_000}`;
  return {
    containerd: ['-c', configuration('containerd.toml')],
    etcd: [
      ['name', NODE_NAME],
      ['data-dir', layout.etcd],
      ['listen-client-urls', etcd],
      ['advertise-client-urls', etcd],
      ['listen-peer-urls', etcdPeer],
      ['initial-advertise-peer-urls', etcdPeer],
      ['initial-cluster', `${NODE_NAME}=${etcdPeer}`],
      ['cert-file', pki('etcd.crt')],
      ['key-file', pki('etcd.key')],
      // Pods can connect to this address, too: a client certificate is required.
      ['client-cert-auth', 'true'],
      ['trusted-ca-file', pki('ca.crt')],
      // Nothing here has to survive a power failure.
      ['unsafe-no-fsync', 'true'],
      ['log-level', 'warn']
    ].map(([key, value]) => `--${key}=${value}`),
    'kube-apiserver': [
      `--etcd-servers=${etcd}`,
      `--etcd-cafile=${pki('ca.crt')}`,
      `--etcd-certfile=${pki('apiserver-etcd.crt')}`,
      `--etcd-keyfile=${pki('apiserver-etcd.key')}`,
      `--bind-address=${network.node}`,
      `--advertise-address=${network.node}`,
      `--secure-port=${PORTS.api}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      `--client-ca-file=${pki('ca.crt')}`,
      `--service-account-key-file=${pki('service-accounts.pub')}`,
      `--service-account-signing-key-file=${pki('service-accounts.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--kubelet-client-certificate=${pki('apiserver-kubelet.crt')}`,
      `--kubelet-client-key=${pki('apiserver-kubelet.key')}`,
      `--kubelet-certificate-authority=${pki('ca.crt')}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--service-cluster-ip-range=${network.services}`,
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      `--cert-dir=${join(layout.state, 'apiserver')}`
    ],
    'kube-controller-manager': [
      `--kubeconfig=${pki('controllers.kubeconfig')}`,
      '--leader-elect=false',
      `--bind-address=${network.node}`,
      `--secure-port=${PORTS.controllers}`,
      `--root-ca-file=${pki('ca.crt')}`,
      `--service-account-private-key-file=${pki('service-accounts.key')}`,
      '--use-service-account-credentials=true',
      `--cluster-signing-cert-file=${pki('ca.crt')}`,
      `--cluster-signing-key-file=${pki('ca.key')}`,
      `--cert-dir=${join(layout.state, 'controllers')}`
    ],
    'kube-scheduler': [
      `--kubeconfig=${pki('scheduler.kubeconfig')}`,
      '--leader-elect=false',
      `--bind-address=${network.node}`,
      `--secure-port=${PORTS.scheduler}`,
      `--cert-dir=${join(layout.state, 'scheduler')}`
    ],
    kubelet: [
      `--config=${configuration('kubelet.yaml')}`,
      `--kubeconfig=${pki('kubelet.kubeconfig')}`,
      `--root-dir=${layout.kubelet}`,
      `--cert-dir=${join(layout.state, 'kubelet-certificates')}`,
      `--hostname-override=${NODE_NAME}`,
      `--node-ip=${network.node}`,
      `--tls-cert-file=${pki('kubelet-server.crt')}`,
      `--tls-private-key-file=${pki('kubelet-server.key')}`
    ],
    'kube-proxy': [
      `--config=${configuration('kube-proxy.yaml')}`,
      `--hostname-override=${NODE_NAME}`
    ],
    coredns: ['-conf', configuration('Corefile')]
  } satisfies Record<string, string[]>;
}

export type ProgramName = keyof ReturnType<typeof programArguments>;
