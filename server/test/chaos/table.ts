import { PROMISES, type Ledger, type PromiseName } from './ledger.js';
import { KINDS, type Kind } from './plan.js';

const seconds = (ms: number) => (ms / 1_000).toFixed(1);

const HEAD = `# Chaos

Written by \`npm run chaos\`, which needs the testbed or another Kubernetes. A server runs as a process of its own, notebooks ask for
Spark, stop, restart and resize it, and each of their clusters runs small jobs all the time. Meanwhile something is killed, again and
again; which, when and where follows from the seed. Between the server and the API server stands a proxy that breaks connections, and
that kills the server in the moment in which the API server has done what it was asked and the server has not yet heard of it.

After each kill the answers that the server gave are compared with what it says now; all the time, every object in the namespace with
the clusters that live (what belongs to none has a minute to go), and every job's result with the right one. When a cluster is over, what
the server told of it is compared with what the library finds in the files that were kept, and each executor that was killed has to be
in it. Driver pods are counted as they are made.
`;

/** What was done and what was seen, as Markdown. */
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
    '| killed | times | until it was right again: median, s | most, s |',
    '| ------ | ----: | ----: | ----: |',
    ...kinds,
    '',
    '| must not be | seen |',
    '| ----------- | ---: |',
    ...promises,
    '',
    `${ledger.clusters} clusters and ${ledger.drivers} drivers were started; ${ledger.results} jobs gave their right result meanwhile. ` +
      `${named} killed executors were named, ${ledger.executorsNamedByFinding} of them by a finding, the others, which did nothing ` +
      `at the time, in the list of executors. ${ledger.findingsCompared} findings were told live and found again offline, the same. ` +
      `What was on its way out was there for ${seconds(ledger.longestOrphanMs)} s at most.`,
    ...ledger.violations.map(({ promise, words }) => `- **${promise}**: ${words}`),
    ''
  ].join('\n');
}
