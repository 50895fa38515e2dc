import { appendFileSync } from 'node:fs';
import { subscribe } from 'node:diagnostics_channel';

/** Loaded into a server that is measured (`node --import`): writes a line for each process that it starts. */
const file = process.env['AGLAIS_BENCH_SPAWNS']!;
subscribe('child_process', () => appendFileSync(file, '\n'));
