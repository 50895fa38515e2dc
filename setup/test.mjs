import { setUp } from './setup.mjs';
import { KUBERNETES_PARTS, makeParts } from './test-run/parts.mjs';
import { runTests } from './test-run/run.mjs';
import { nothing } from './test-run/schedule.mjs';

const USAGE = `npm test                  all that needs no Kubernetes; with CI=true or a KUBECONFIG, all
npm test -- all           with a Kubernetes, which is built if none is named (docs/testing.md)
npm test -- PART [ARG…]   style, units, spark, jest (the last two), python, corpus, ui, kubernetes;
                          what follows goes to the program that runs the part`;

/** The choices, and the parts of each. */
const CHOICES = {
  style: ['style'],
  units: ['installed', 'units'],
  spark: ['installed', 'faster-starts', 'spark'],
  jest: ['installed', 'faster-starts', 'units', 'spark'],
  python: ['python'],
  corpus: ['faster-starts', 'corpus'],
  ui: ['installed', 'faster-starts', 'ui'],
  kubernetes: ['installed', 'faster-starts', ...KUBERNETES_PARTS]
};
const HINT =
  'Tests that need a Kubernetes were left out: "npm test -- all" builds one and runs them, too; "npm run test:long" runs what takes hours.';

const [choice, ...args] = process.argv.slice(2);
if (choice !== undefined && choice !== 'all' && !(choice in CHOICES)) {
  console.error(USAGE);
  process.exit(2);
}
const mayBuild = Boolean(process.env.CI) || choice !== undefined;
const hasNamed = Boolean(process.env.AGLAIS_KUBECONFIG || process.env.KUBECONFIG);
const isLeftOut = choice === undefined && process.env.AGLAIS_WITHOUT_KUBERNETES === 'true';
const withKubernetes = !isLeftOut && (mayBuild || hasNamed);
const begun = Date.now();
// The parts that need them wait for the faster starts.
await setUp({ faster: false });
const setUpOutcome = { name: 'set-up', result: nothing(), ms: Date.now() - begun };

function isChosen({ name }) {
  if (choice === undefined || choice === 'all')
    return withKubernetes || !KUBERNETES_PARTS.includes(name);
  // With additional arguments, a part runs alone.
  if (name === 'kubernetes-ui' && args.length > 0) return false;
  return CHOICES[choice].includes(name);
}

const code = await runTests(runners => makeParts(runners, { args, mayBuild }).filter(isChosen), {
  before: [setUpOutcome],
  ...(!withKubernetes && { hint: HINT })
});
process.exit(code);
