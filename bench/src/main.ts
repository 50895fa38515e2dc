import { cpus, totalmem } from 'node:os';
import { benchDiagnosis } from './diagnosis/diagnosis.js';
import { benchFirstResult } from './first-result.js';
import { benchIdle } from './idle.js';
import { benchKillToCard } from './kill-to-card.js';
import { benchKubernetesFirstResult } from './kubernetes/first-result.js';
import { benchKubernetesScale } from './kubernetes/scale.js';
import { benchKubernetesStart } from './kubernetes/start.js';
import { benchServerLoad } from './server-load.js';
import { benchStart } from './start.js';

/** Measures this machine and prints the results; asserts nothing. `npm run bench -- start` runs one benchmark. */
const args = process.argv.slice(2);
const parts = {
  start: benchStart,
  'first-result': () => benchFirstResult(args),
  card: benchKillToCard,
  load: benchServerLoad,
  idle: () => benchIdle(args),
  diagnosis: () => benchDiagnosis(args),
  kubernetes: benchKubernetesScale,
  'kubernetes-start': benchKubernetesStart,
  'kubernetes-first-result': () => benchKubernetesFirstResult(args)
};

console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`
);
const wanted = args.filter(arg => !arg.startsWith('-'));
for (const [name, part] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await part();
}
