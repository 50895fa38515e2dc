import { appendFileSync } from 'node:fs';
import { subscribe } from 'node:diagnostics_channel';

/** Preloaded into a measured server (`node --import`): writes a line for each process that it starts. */
const file = process.env['AGLAIS_BENCH_SPAWNS']!;
subscribe('child_process', () => appendFileSync(file, '\n'));
