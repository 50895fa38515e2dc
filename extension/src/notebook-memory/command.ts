import { InputDialog, Notification, showErrorMessage } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { NotebookMemory } from '@aglais/protocol';
import type { IBackend } from '../tokens';
import { gib, type Trans } from '../words';
import { memoryFigure, sizes } from './messages';

export const GROW_NOTEBOOK = 'aglais:grow-notebook';

/** Adds the command that gives Jupyter's own pod more memory while everything in it goes on. */
export function addGrowCommand(commands: CommandRegistry, backend: IBackend, trans: Trans): void {
  commands.addCommand(GROW_NOTEBOOK, {
    label: trans.__('Give Jupyter More Memory…'),
    caption: trans.__('Raise the memory limit of all notebooks without restarting anything'),
    isEnabled: () =>
      backend.connection === 'connected' &&
      backend.notebookMemory !== null &&
      sizes(backend.notebookMemory).length > 0,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          memoryMiB: { type: 'number', description: 'The new limit; asked for if left out' }
        }
      }
    },
    execute: async args => {
      const memory = backend.notebookMemory;
      if (!memory) return;
      const asked = (args as { memoryMiB?: number }).memoryMiB ?? (await choose(memory, trans));
      if (asked === null) return;
      try {
        const { limitMiB } = await backend.growNotebook(asked);
        Notification.success(
          trans.__(
            'All notebooks together have %1 GiB now. Nothing was restarted, all variables are kept. ' +
              'A kernel that was killed for memory can run its cell again.',
            gib(limitMiB ?? asked)
          ),
          { autoClose: 6000 }
        );
      } catch (error) {
        const message = error instanceof Error ? error.message : trans.__('Nothing was changed.');
        await showErrorMessage(trans.__('Jupyter did not get more memory'), message);
      }
    }
  });
  backend.changed.connect(() => commands.notifyCommandChanged(GROW_NOTEBOOK));
}

/** Asks for a size; null if none is wanted. */
async function choose(memory: NotebookMemory, trans: Trans): Promise<number | null> {
  const offered = sizes(memory);
  const items = offered.map(size =>
    size === memory.maxMiB
      ? trans.__('%1 GiB (the most)', gib(size))
      : trans.__('%1 GiB', gib(size))
  );
  const { value } = await InputDialog.getItem({
    title: trans.__('Give Jupyter more memory?'),
    label: trans.__(
      'All notebooks together use %1. Nothing is restarted, and all variables are kept; less can be had again only by a new start of the Jupyter server.',
      memoryFigure(memory, trans)
    ),
    items,
    current: Math.min(1, items.length - 1),
    okLabel: trans.__('Give')
  });
  return value === null ? null : (offered[items.indexOf(value)] ?? null);
}
