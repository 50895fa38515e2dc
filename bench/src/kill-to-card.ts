import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium, type Page } from '@playwright/test';
import type { Cluster } from '@aglais/protocol';
import { percentile, printTable, seconds } from './report.js';
import { openLab, type Lab } from './lab.js';

const KILLS = 20;
const NOTEBOOK = 'bench-kill-to-card.ipynb';
const TIMEOUT_MS = 60_000;

/** A job of many short tasks on both executors, so that one is always busy. */
const CELL = `import time
def slow(frames):
    for frame in frames:
        time.sleep(0.5)
        yield frame
spark.range(0, 24, 1, 24).mapInPandas(slow, "id long").count()`;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run'
];

/** From the death of an executor in the middle of a cell to the card under that cell in a real browser. */
export async function benchKillToCard(): Promise<void> {
  const lab = await openLab();
  const notebooks = join(process.env.AGLAIS_DATA!, 'notebooks');
  await writeFile(join(notebooks, NOTEBOOK), JSON.stringify(notebook()));
  const browser = await chromium.launch({
    args: FLAGS,
    ...(process.env.AGLAIS_BROWSER && { executablePath: process.env.AGLAIS_BROWSER })
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.goto(lab.url.replace('/lab?', `/lab/tree/${NOTEBOOK}?`));
    await page.locator('.jp-Notebook .jp-CodeCell').first().waitFor({ timeout: TIMEOUT_MS });
    // A cell that is run before the kernel is connected never runs.
    const idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]');
    await idle.waitFor({ timeout: TIMEOUT_MS });
    const delays: number[] = [];
    for (let index = 0; index < KILLS; index += 1) {
      delays.push(await killOnce(page, lab, index));
      process.stdout.write('.');
    }
    printTable(`Executor killed to card visible in the browser, ${KILLS} times`, [
      ['p50', 'p95', 'max'],
      [0.5, 0.95, 1].map(share => seconds(percentile(delays, share)))
    ]);
  } finally {
    await browser.close();
    await lab.close();
    await rm(join(notebooks, NOTEBOOK), { force: true });
  }
}

async function killOnce(page: Page, lab: Lab, index: number): Promise<number> {
  const cell = page.locator('.jp-Notebook .jp-Cell').nth(index);
  await cell.scrollIntoViewIfNeeded();
  await cell.locator('.cm-content').click();
  await page.keyboard.press('Control+Enter');
  const victim = await busyExecutor(lab);
  // By the clock of the browser, which runs on this machine.
  const shown = page.evaluate(async n => {
    const card = () =>
      document.querySelectorAll('.jp-Notebook .jp-Cell').item(n)?.querySelector('.aglais-Card');
    while (!card()) await new Promise(resolve => requestAnimationFrame(resolve));
    return Date.now();
  }, index);
  await sleep(200);
  const killedAt = Date.now();
  process.kill(victim, 'SIGKILL');
  const delay = (await shown) - killedAt;
  await page.waitForFunction(
    n => {
      const prompt = document
        .querySelectorAll('.jp-Notebook .jp-Cell')
        [n]?.querySelector('.jp-InputPrompt');
      return /\[\d+\]/.test(prompt?.textContent ?? '');
    },
    index,
    { timeout: TIMEOUT_MS }
  );
  return delay;
}

/** The process of an executor with a running task, while the other executor is active, too. */
async function busyExecutor(lab: Lab): Promise<number> {
  const deadline = Date.now() + TIMEOUT_MS;
  while (Date.now() < deadline) {
    const { clusters } = await lab.call<{ clusters: Cluster[] }>('GET', '/clusters');
    const cluster = clusters.find(({ state }) => state === 'ready');
    const active = cluster?.executors.filter(({ state }) => state === 'active') ?? [];
    const busy = active.find(({ runningTasks }) => runningTasks > 0);
    if (cluster && busy && active.length === 2) {
      const pid = await pidOf(`--executor-id ${busy.id} `, `--app-id app-${cluster.id} `);
      if (pid) return pid;
    }
    await sleep(50);
  }
  throw new Error('No executor got a task.');
}

async function pidOf(...words: string[]): Promise<number | null> {
  for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const line = command.replaceAll('\0', ' ');
    if (line.includes('CoarseGrainedExecutorBackend') && words.every(word => line.includes(word))) {
      return Number(pid);
    }
  }
  return null;
}

function notebook() {
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
    cells: Array.from({ length: KILLS }, (_, index) => ({
      cell_type: 'code',
      id: `kill-${index}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source: CELL
    }))
  };
}
