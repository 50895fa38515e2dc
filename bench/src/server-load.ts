import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client.js';
import { printTable } from './figures.js';
import { openLab } from './lab.js';

const WINDOW_S = 20;
const ROWS = 200_000;

/** What the server itself takes: alone, and while two notebooks keep Spark busy with short queries. */
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

/** Memory now and processor time over the window, from /proc (USER_HZ is 100 on Linux). */
async function usage(pid: number): Promise<{ rssMiB: number; cpu: number }> {
  const before = await ticks(pid);
  await sleep(WINDOW_S * 1000);
  const after = await ticks(pid);
  return { rssMiB: after.rssMiB, cpu: (after.ticks - before.ticks) / WINDOW_S };
}

async function ticks(pid: number): Promise<{ ticks: number; rssMiB: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    ticks: Number(fields[11]) + Number(fields[12]),
    rssMiB: (Number(fields[21]) * 4) / 1024
  };
}
