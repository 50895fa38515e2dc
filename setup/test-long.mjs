import { setUp } from './setup.mjs';
import { makeLongParts } from './test-run/long-parts.mjs';
import { runTests } from './test-run/run.mjs';
import { output } from './tools.mjs';

const USAGE = `npm run test:long                  everything that is long by nature, one after the other (hours)
npm run test:long -- PART [ARG…]   kubernetes, units, corpus; what follows goes to the program that runs the part

kubernetes: *.long.kubernetes.ts and a hundred kills (AGLAIS_CHAOS_KILLS), thirty of two servers (AGLAIS_REPLICA_KILLS)
units:      *.long.test.ts
corpus:     every case that makes a real Spark fail`;

const CHOICES = {
  kubernetes: ['testbed', 'kubernetes', 'testbed-down'],
  units: ['units'],
  corpus: ['corpus']
};

const [choice, ...args] = process.argv.slice(2);
if (choice !== undefined && !(choice in CHOICES)) {
  console.error(USAGE);
  process.exit(2);
}
await setUp();
const commit = output('git', ['rev-parse', '--short', 'HEAD']) ?? 'no commit';
const code = await runTests(
  runners =>
    makeLongParts(runners, args).filter(
      ({ name }) => choice === undefined || CHOICES[choice].includes(name)
    ),
  { slots: 1, hint: `Long run of ${commit} on ${new Date().toISOString().slice(0, 10)}.` }
);
process.exit(code);
