import { InputDialog, Notification, showErrorMessage } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { NotebookMemory } from '@aglais/protocol';
import type { IBackend } from '../tokens';
import { formatMemory } from '../format';
import type { Trans } from '../translation';
import { formatUsage, offeredLimits } from './messages';

export const RAISE_MEMORY_LIMIT = 'aglais:raise-memory-limit';

/** Adds the command that raises the memory limit of Jupyter's own pod in place. */
export function addRaiseMemoryLimitCommand(
  commands: CommandRegistry,
  backend: IBackend,
  trans: Trans
): void {
  commands.addCommand(RAISE_MEMORY_LIMIT, {
    label: trans.__('Increase Memory…'),
    caption: trans.__('Raise the memory limit of this Jupyter server without a restart'),
    isEnabled: () =>
      backend.connection === 'connected' &&
      backend.notebookMemory !== null &&
      offeredLimits(backend.notebookMemory).length > 0,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          memoryMiB: { type: 'number', description: 'The new limit, MiB. Default: ask' }
        }
      }
    },
    execute: async args => {
      const memory = backend.notebookMemory;
      if (!memory) return;
      const requested = (args as { memoryMiB?: number }).memoryMiB ?? (await choose(memory, trans));
      if (requested === null) return;
      try {
        const { limitMiB } = await backend.raiseMemoryLimit(requested);
        Notification.success(
          trans.__(
            'The memory limit of all notebooks together is now %1. Nothing was restarted, and all variables are kept. ' +
              'If a kernel was killed for lack of memory, run its cell again.',
            formatMemory(limitMiB ?? requested, trans)
          ),
          { autoClose: 6000 }
        );
      } catch (error) {
        const message = error instanceof Error ? error.message : trans.__('Nothing was changed.');
        await showErrorMessage(trans.__('The memory limit was not raised'), message);
      }
    }
  });
  backend.changed.connect(() => commands.notifyCommandChanged(RAISE_MEMORY_LIMIT));
}

/** Asks for the new limit, MiB; null if cancelled. */
async function choose(memory: NotebookMemory, trans: Trans): Promise<number | null> {
  const offered = offeredLimits(memory);
  const items = offered.map(size =>
    size === memory.maxMiB
      ? trans.__('%1 (maximum)', formatMemory(size, trans))
      : formatMemory(size, trans)
  );
  const { value } = await InputDialog.getItem({
    title: trans.__('Increase memory?'),
    label: trans.__(
      'All notebooks together use %1. Nothing is restarted, and all variables are kept. The limit can be lowered only by a restart of the Jupyter server.',
      formatUsage(memory, trans)
    ),
    items,
    current: Math.min(1, items.length - 1),
    okLabel: trans.__('Increase')
  });
  return value === null ? null : (offered[items.indexOf(value)] ?? null);
}
