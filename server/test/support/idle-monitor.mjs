/**
 * Monitors clusters in a process of its own, whose system calls are those of the monitoring alone. Its argument: a JSON
 * array of `{directory, driver, cgroup, share}`. It answers each message with the number of processes that it has
 * started since the previous one.
 */
import { subscribe } from 'node:diagnostics_channel';
import { followEvidence } from '../../dist/launchers/local/local-evidence.js';
import { ShareProbes } from '../../dist/launchers/local/share-probes.js';

let spawned = 0;
subscribe('child_process', () => (spawned += 1));
process.on('message', () => {
  process.send(spawned);
  spawned = 0;
});
// Nothing may be left of it when its test ends in whatever way.
process.on('disconnect', () => process.exit());

const probes = new ShareProbes();
const sink = { eventLine: () => {}, evidenceLine: () => {}, observe: () => {} };
for (const { directory, driver, cgroup, share } of JSON.parse(process.argv[2])) {
  const source = {
    directory,
    driver: () => Promise.resolve(driver),
    cgroup: () => Promise.resolve(cgroup),
    shares: () => Promise.resolve([{ id: 'gaia', path: share }]),
    probes,
    record: () => Promise.resolve(),
    onDriverEnded: () => {}
  };
  followEvidence(source, sink, new AbortController().signal).catch(error => {
    console.error(error);
    process.exit(1);
  });
}
