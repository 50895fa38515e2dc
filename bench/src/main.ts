import { cpus, totalmem } from 'node:os';
import { benchKillToCard } from './kill-to-card.js';
import { benchServerLoad } from './server-load.js';
import { benchStart } from './start.js';

/** Prints figures of this machine, side by side and from one run; asserts nothing. `npm run bench -- start` runs one. */
const parts = { start: benchStart, card: benchKillToCard, load: benchServerLoad };

const wanted = process.argv.slice(2);
console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`
);
for (const [name, part] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await part();
}
