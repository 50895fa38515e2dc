/** All addresses. The machine gets an additional one, so that its ports cannot be in use. */
export interface Network {
  bridge: string;
  /** Of the node, the API server and DNS. */
  node: string;
  pods: string;
  services: string;
  /** The first service IP: the API server as pods see it. */
  apiService: string;
  all: string;
}

export const PORTS = {
  api: 6443,
  etcd: 2379,
  etcdPeer: 2380,
  kubelet: 10250,
  kubeletHealth: 10248,
  proxyHealth: 10256,
  proxyMetrics: 10249,
  controllers: 10257,
  scheduler: 10259,
  dns: 53,
  dnsHealth: 8080
};

export const NODE_NAME = 'testbed';
export const BRIDGE = 'aglais0';

/**
 * @param prefix the first two numbers of the addresses, like 10.97; set with AGLAIS_TESTBED_NETWORK
 * @throws Error if it is not such a prefix
 */
export function networkOf(prefix = '10.97'): Network {
  const numbers = prefix.split('.').map(Number);
  if (numbers.length !== 2 || numbers.some(n => !Number.isInteger(n) || n < 0 || n > 255))
    throw new Error(`AGLAIS_TESTBED_NETWORK is two numbers like 10.97, not ${prefix}.`);
  return {
    bridge: BRIDGE,
    node: `${prefix}.0.1`,
    pods: `${prefix}.1.0/24`,
    services: `${prefix}.2.0/24`,
    apiService: `${prefix}.2.1`,
    all: `${prefix}.0.0/16`
  };
}
