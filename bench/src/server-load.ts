import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client.js';
import { printTable } from './report.js';
import { openLab } from './lab.js';
import { usageOf } from './process-usage.js';

const WINDOW_S = 20;
const ROWS = 200_000;

/** CPU and memory of the server: alone, and while two notebooks keep Spark busy with short queries. */
export async function benchServerLoad(): Promise<void> {
  const lab = await openLab();
  try {
    await sleep(5_000);
    const idle = await usage(lab.serverPid);
    const clusters = await Promise.all(['a', 'b'].map(name => lab.cluster(`load-${name}`)));
    const clients = await Promise.all(clusters.map(() => Client.open()));
    const work = clients.map((client, i) =>
      client.run({ url: clusters[i]!, rows: ROWS, busySeconds: WINDOW_S + 10 })
    );
    await sleep(5_000);
    const busy = await usage(lab.serverPid);
    const queries = (await Promise.all(work)).reduce((sum, { queries: n }) => sum + n, 0);
    for (const client of clients) client.close();
    printTable(`The server, over ${WINDOW_S} s`, [
      ['', 'resident memory', 'of one core'],
      ['idle', `${idle.rssMiB.toFixed(0)} MiB`, `${idle.cpu.toFixed(1)} %`],
      [
        `two busy notebooks (${(queries / (WINDOW_S + 10)).toFixed(1)} queries/s)`,
        `${busy.rssMiB.toFixed(0)} MiB`,
        `${busy.cpu.toFixed(1)} %`
      ]
    ]);
  } finally {
    await lab.close();
  }
}

/** Memory now and CPU time over the window. */
async function usage(pid: number): Promise<{ rssMiB: number; cpu: number }> {
  const before = await usageOf(pid);
  await sleep(WINDOW_S * 1000);
  const after = await usageOf(pid);
  return { rssMiB: after.rssMiB, cpu: (after.cpuMs - before.cpuMs) / WINDOW_S / 10 };
}
