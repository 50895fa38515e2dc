import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Locator, Page } from '@playwright/test';
import { checkout } from '../../setup/paths.mjs';
import { expect, type IJupyterLabPageFixture } from './fixtures';

/** The prompt of a cell: empty, `*` while it waits or runs, or its execution count. */
const PROMPT = '.jp-InputArea-prompt';

/** A notebook that is open in a page, and the actions of a user. Cells are identified by their ids. */
export class OpenNotebook {
  constructor(
    readonly page: IJupyterLabPageFixture,
    readonly path: string
  ) {}

  /** The visible cell; scroll to it first if the notebook is long. */
  async cell(id: string): Promise<Locator> {
    return this.root.locator(`.jp-Cell[data-windowed-list-index="${await this.indexOf(id)}"]`);
  }

  /** What the extension shows under a cell. */
  async notes(id: string): Promise<Locator> {
    return (await this.cell(id)).locator('.aglais-CellNotes');
  }

  /** Scrolls until the cell is in view: a windowed notebook estimates the heights of cells that were never shown. */
  async scrollTo(id: string): Promise<void> {
    const index = await this.indexOf(id);
    const cell = await this.cell(id);
    await expect(async () => {
      await this.inPanel(async (panel, index) => {
        panel.content.activeCellIndex = index;
        await panel.content.scrollToItem(index, 'start');
      }, index);
      await expect(cell).toBeInViewport({ timeout: 2_000 });
    }).toPass({ timeout: 60_000 });
  }

  /** Turns the mouse wheel until the cell is in view; `pixels` per turn, negative is up. */
  async wheelTo(id: string, pixels: number): Promise<void> {
    const cell = await this.cell(id);
    await this.settled();
    await this.root.locator('.jp-WindowedPanel-outer').hover({ position: { x: 500, y: 400 } });
    await expect(async () => {
      // If JupyterLab estimated a height too large, the wheel may scroll past the last cell: then turn back.
      await this.page.mouse.wheel(0, (await this.showsCells()) ? pixels : -pixels);
      await expect(cell).toBeInViewport({ timeout: 500 });
    }).toPass({ timeout: 60_000, intervals: [250] });
  }

  /** Until JupyterLab has measured the visible cells: before, it only estimates the length of the notebook. */
  private async settled(): Promise<void> {
    const outer = this.root.locator('.jp-WindowedPanel-outer');
    const height = () => outer.evaluate(element => element.scrollHeight);
    await expect(async () => {
      const before = await height();
      await this.page.waitForTimeout(500);
      expect(await height()).toBe(before);
    }).toPass({ timeout: 60_000 });
  }

  private async showsCells(): Promise<boolean> {
    return this.root.locator('.jp-WindowedPanel-outer').evaluate(element => {
      const { left, top, width, height } = element.getBoundingClientRect();
      const at = [0.2, 0.5, 0.8].flatMap(share =>
        document.elementsFromPoint(left + width / 2, top + height * share)
      );
      return at.some(found => found.closest('.jp-Cell') !== null);
    });
  }

  /** Runs a cell as with Ctrl+Enter, without waiting for its end. */
  async start(id: string): Promise<void> {
    await this.scrollTo(id);
    await (await this.cell(id)).locator(PROMPT).click();
    await this.page.keyboard.press('Control+Enter');
  }

  /** Runs a cell until it has ended. */
  async run(id: string): Promise<void> {
    const before = await this.executionCount(id);
    await this.start(id);
    await expect
      .poll(() => this.executionCount(id), { timeout: 300_000, message: `cell ${id} has ended` })
      .toBeGreaterThan(before ?? 0);
  }

  async runAll(): Promise<void> {
    await this.page.menu.clickMenuItem('Run>Run All Cells');
  }

  /** The execution count of the last completed run, or null. */
  async executionCount(id: string): Promise<number | null> {
    return this.inPanel(
      (panel, index) => {
        const cell = panel.content.widgets[index]?.model;
        return cell?.type === 'code' ? (cell.toJSON().execution_count as number | null) : null;
      },
      await this.indexOf(id)
    );
  }

  /** All text in the outputs of a cell, including errors. */
  async outputText(id: string): Promise<string> {
    return this.inPanel(
      (panel, index) => {
        const { outputs = [] } = panel.content.widgets[index]!.model.toJSON() as {
          outputs?: {
            output_type: string;
            text?: string | string[];
            data?: Record<string, unknown>;
            ename?: string;
            evalue?: string;
          }[];
        };
        return outputs
          .flatMap(({ text, data, ename, evalue }) => [
            text,
            data?.['text/plain'] as string | string[] | undefined,
            ename && `${ename}: ${evalue ?? ''}`
          ])
          .flat()
          .filter(Boolean)
          .join('\n');
      },
      await this.indexOf(id)
    );
  }

  /** Ids of the cells that ended with an error. */
  async failedCells(): Promise<string[]> {
    return this.inPanel(panel =>
      panel.content.widgets
        .map(({ model }) => model.toJSON() as { id: string; outputs?: { output_type: string }[] })
        .filter(({ outputs }) => outputs?.some(({ output_type }) => output_type === 'error'))
        .map(({ id }) => id)
    );
  }

  /** Id of the notebook's kernel. */
  async kernel(): Promise<string> {
    const id = await this.inPanel(panel => panel.sessionContext.session?.kernel?.id ?? null);
    if (!id) throw new Error(`${this.path} has no kernel.`);
    return id;
  }

  /** Brings the notebook to the front. */
  async activate(): Promise<void> {
    await this.inPanel(async panel => {
      window.jupyterapp.shell.activateById(panel.id);
      await panel.revealed;
      await panel.sessionContext.ready;
    });
  }

  async kernelIsIdle(): Promise<void> {
    await expect
      .poll(() => this.inPanel(panel => panel.sessionContext.session?.kernel?.status ?? null), {
        message: `the kernel of ${this.path} is idle`
      })
      .toBe('idle');
  }

  private get root(): Locator {
    return this.page.locator('.jp-NotebookPanel:not(.lm-mod-hidden)');
  }

  private async indexOf(id: string): Promise<number> {
    const index = await this.inPanel(
      (panel, wanted) => panel.content.widgets.findIndex(({ model }) => model.id === wanted),
      id
    );
    if (index < 0) throw new Error(`${this.path} has no cell ${id}.`);
    return index;
  }

  /** Runs a function in the page, with the panel of this notebook. */
  private async inPanel<Result, Argument = undefined>(
    look: (panel: NotebookPanel, argument: Argument) => Result | Promise<Result>,
    argument?: Argument
  ): Promise<Result> {
    const handle = await this.page.evaluateHandle(
      ([path, source]) => {
        const panel = [...window.jupyterapp.shell.widgets('main')].find(
          widget => (widget as NotebookPanel).context?.path === path
        );
        if (!panel) throw new Error(`${path} is not open.`);
        // A function is passed to the page as its source.
        const run = (0, eval)(`(${source})`) as (panel: unknown, given: unknown) => unknown;
        return (given: unknown) => run(panel, given);
      },
      [this.path, look.toString()] as const
    );
    try {
      return (await handle.evaluate((run, given) => run(given), argument)) as Result;
    } finally {
      await handle.dispose();
    }
  }
}

/** Opens a copy of one of the product's notebooks. */
export async function openExample(
  page: IJupyterLabPageFixture,
  folder: string,
  name: string
): Promise<OpenNotebook> {
  const content = readFileSync(join(checkout, 'notebooks', name), 'utf8');
  return openContent(page, `${folder}/${name}`, content);
}

/** Opens a new notebook with these code cells: source by id. */
export async function openNew(
  page: IJupyterLabPageFixture,
  path: string,
  cells: Record<string, string>
): Promise<OpenNotebook> {
  const content = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
    cells: Object.entries(cells).map(([id, source]) => ({
      id,
      cell_type: 'code',
      metadata: {},
      execution_count: null,
      outputs: [],
      source
    }))
  };
  return openContent(page, path, JSON.stringify(content));
}

async function openContent(
  page: IJupyterLabPageFixture,
  path: string,
  content: string
): Promise<OpenNotebook> {
  await page.contents.uploadContent(content, 'text', path);
  // Not with the file browser: on a busy machine Galata looks for the file before it is listed.
  await page.evaluate(async path => {
    await window.jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' });
  }, path);
  const notebook = new OpenNotebook(page, path);
  await notebook.activate();
  await notebook.kernelIsIdle();
  return notebook;
}

/** The side panel with the cluster of the current notebook, opened. */
export async function sparkPanel(page: IJupyterLabPageFixture): Promise<Locator> {
  const panel = page.locator('#aglais-panel');
  if (!(await panel.isVisible())) await page.locator('.aglais-Status').click();
  await expect(panel).toBeVisible();
  return panel;
}

/** The card of a finding with this code. */
export function card(within: Locator | Page, code: string): Locator {
  return within.locator(`.aglais-Card[data-code="${code}"]`);
}

/** Waits until each of these bars of the panel shows more than this, MiB. */
export async function expectMemoryInUse(meters: Locator): Promise<void> {
  for (const meter of await meters.all()) {
    await expect
      .poll(async () => Number(await meter.getAttribute('aria-valuenow')), {
        message: 'memory in use is known'
      })
      .toBeGreaterThan(50);
  }
}
