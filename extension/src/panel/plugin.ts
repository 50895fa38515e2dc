import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs, showErrorOnFailure } from '../clusters/commands';
import { sparkIcon } from '../icon';
import { RAISE_MEMORY_LIMIT } from '../notebook-memory/command';
import { CurrentNotebook } from '../notebook/current-notebook';
import { IBackend } from '../tokens';
import { DOMAIN } from '../translation';
import { PanelModel } from './model';
import { SparkPanel, type PanelActions } from './panel';

export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: '@aglais/jupyterlab:panel',
  description: 'Adds a side panel with the Spark cluster of the current notebook.',
  autoStart: true,
  requires: [IBackend, INotebookTracker],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    backend: IBackend,
    notebooks: INotebookTracker,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    if (backend.connection === 'off') return;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { commands, shell } = app;
    const current = new CurrentNotebook(notebooks);
    const model = new PanelModel(backend, current);

    const actions: PanelActions = {
      start: options =>
        void commands.execute(CommandIDs.start, options && { options: [...options] }),
      stop: () => void commands.execute(CommandIDs.stop),
      restart: () => void commands.execute(CommandIDs.restart),
      resize: shape => void commands.execute(CommandIDs.resize, { shape: { ...shape } }),
      raiseMemoryLimit: memoryMiB =>
        void commands.execute(RAISE_MEMORY_LIMIT, memoryMiB === undefined ? {} : { memoryMiB }),
      dismiss: located => {
        const action = backend.dismissFinding(located.cluster, located.finding.id);
        void showErrorOnFailure(trans.__('The finding was not dismissed'), action, trans);
      },
      showCell: cell => {
        const notebook = current.panel?.content;
        const index = notebook?.widgets.findIndex(({ model }) => model.id === cell) ?? -1;
        if (!notebook || index < 0) return;
        notebook.activeCellIndex = index;
        void notebook.scrollToItem(index, 'smart');
      }
    };

    const panel = new SparkPanel(model, actions, trans);
    shell.add(panel, 'right', { rank: 600, type: 'Spark' });
    restorer?.add(panel, panel.id);

    commands.addCommand(CommandIDs.openPanel, {
      label: trans.__('Show the Spark panel'),
      caption: trans.__('Show the Spark cluster of the current notebook'),
      icon: sparkIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => (labShell ?? shell).activateById(panel.id)
    });
    palette?.addItem({ command: CommandIDs.openPanel, category: trans.__('Spark') });
  }
};
