import { spawnSync } from 'node:child_process';

/** Runs a command in a network of its own (unshare(1)), which has nothing but a loopback device. */
const IN_OWN_NETWORK = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];

/**
 * Whether this user can have networks on this machine. In a network of its own, Chromium does not see the network devices
 * of pods, which come and go: it would take each for another network, and abort its requests.
 */
export function hasOwnNetworks() {
  const [program, ...args] = IN_OWN_NETWORK;
  return spawnSync(program, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}

/** @param {string[]} command @returns {string[]} the command that runs it there */
export const inOwnNetwork = command => [...IN_OWN_NETWORK, ...command];
