import { PROMISES, type Ledger, type PromiseName } from './ledger.js';
import { KINDS, type Kind } from './plan.js';

const seconds = (ms: number) => (ms / 1_000).toFixed(1);

const HEAD = `# Chaos

Written by \`npm run chaos\`, which needs the testbed or another Kubernetes. A server runs as a separate process; notebooks start,
stop, restart and resize their clusters, and each cluster runs small jobs all the time. Meanwhile components are killed repeatedly;
which, when and where depends on the seed. A proxy between the server and the API server breaks connections, and kills the server
when the API server has completed a request and the server has not yet received the response.

After each kill the previous answers of the server are compared with its current state. All the time, every object in the namespace is
compared with the live clusters (an orphan has to be gone within a minute), and every job's result with the correct one. When a cluster
has ended, the server's findings are compared with an offline diagnosis of the stored files, and each killed executor has to be
in them. Created driver pods are counted. The witness is killed as a process; \`witness.sh\`, the first process of its container, restarts it.
`;

/** The report, as Markdown. */
export function tableOf(ledger: Ledger, seed: number): string {
  const kinds = (Object.keys(KINDS) as Kind[]).map(kind => {
    const times = ledger.kills.filter(kill => kill.kind === kind);
    const known = times.flatMap(({ recoveredMs }) => recoveredMs ?? []).sort((a, b) => a - b);
    const middle = known[Math.floor((known.length - 1) / 2)];
    const most = known.at(-1);
    return `| ${kind} | ${times.length} | ${middle === undefined ? '' : seconds(middle)} | ${most === undefined ? '' : seconds(most)} |`;
  });
  const promises = (Object.keys(PROMISES) as PromiseName[]).map(
    name => `| ${PROMISES[name]} | ${ledger.count(name)} |`
  );
  const named = ledger.executorsNamedByFinding + ledger.executorsNamedOtherwise;
  return [
    HEAD,
    `${ledger.kills.length} kills, seed ${seed}.`,
    '',
    '| killed | times | time to recovery: median, s | maximum, s |',
    '| ------ | ----: | ----: | ----: |',
    ...kinds,
    '',
    '| violation | seen |',
    '| --------- | ---: |',
    ...promises,
    '',
    `${ledger.clusters} clusters and ${ledger.drivers} drivers were started; ${ledger.results} jobs returned the correct result meanwhile. ` +
      `${named} killed executors were reported, ${ledger.executorsNamedByFinding} of them by a finding, the others, which were idle, ` +
      `in the list of executors. ${ledger.findingsCompared} findings were the same live and offline. ` +
      `Orphans were removed after at most ${seconds(ledger.longestOrphanMs)} s.`,
    ...ledger.violations.map(({ promise, words }) => `- **${promise}**: ${words}`),
    ''
  ].join('\n');
}
