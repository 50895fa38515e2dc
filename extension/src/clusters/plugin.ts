import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addRaiseMemoryLimitCommand, RAISE_MEMORY_LIMIT } from '../notebook-memory/command';
import { CurrentNotebook } from '../notebook/current-notebook';
import { IBackend } from '../tokens';
import { DOMAIN } from '../translation';
import { addClusterCommands, CommandIDs } from './commands';

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@aglais/jupyterlab:commands',
  description: 'Adds commands to start, stop, restart and resize the Spark cluster of a notebook.',
  autoStart: true,
  requires: [IBackend, INotebookTracker],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    backend: IBackend,
    notebooks: INotebookTracker,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    if (backend.connection === 'off') return;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    addClusterCommands(app.commands, backend, new CurrentNotebook(notebooks), trans);
    addRaiseMemoryLimitCommand(app.commands, backend, trans);
    for (const command of [
      CommandIDs.start,
      CommandIDs.stop,
      CommandIDs.restart,
      RAISE_MEMORY_LIMIT
    ]) {
      palette?.addItem({ command, category: trans.__('Spark') });
    }
  }
};
