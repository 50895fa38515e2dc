import { join } from 'node:path';

/** The files of a running testbed in its state directory. */
export interface Layout {
  state: string;
  pki: string;
  configuration: string;
  logs: string;
  processes: string;
  etcd: string;
  containerd: string;
  /** containerd's socket. */
  socket: string;
  kubelet: string;
  podLogs: string;
  addresses: string;
  sysctls: string;
  kubeconfig: string;
  /** The running testbed, for `status` and for tests. */
  facts: string;
}

export function layoutOf(state: string): Layout {
  const at = (...names: string[]) => join(state, ...names);
  return {
    state,
    pki: at('pki'),
    configuration: at('etc'),
    logs: at('logs'),
    processes: at('processes'),
    etcd: at('etcd'),
    containerd: at('containerd'),
    socket: at('containerd.sock'),
    kubelet: at('kubelet'),
    podLogs: at('pod-logs'),
    addresses: at('addresses'),
    sysctls: at('sysctls.json'),
    kubeconfig: at('kubeconfig'),
    facts: at('testbed.json')
  };
}
