import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs, showErrorOnFailure } from '../clusters/commands';
import { RAISE_MEMORY_LIMIT } from '../notebook-memory/command';
import { locationOf } from '../notebook/current-notebook';
import { IBackend } from '../tokens';
import { DOMAIN } from '../translation';
import { CellNotesWidget, type NotesActions } from './notes';
import { CellNotesTracker } from './tracker';

export const cellsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@aglais/jupyterlab:cells',
  description: 'Shows Spark progress and findings under the cells.',
  autoStart: true,
  requires: [IBackend, INotebookTracker],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    backend: IBackend,
    notebooks: INotebookTracker,
    translator: ITranslator | null
  ) => {
    if (backend.connection === 'off') return;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const createNotes = (actions: NotesActions): CellNotesWidget =>
      new CellNotesWidget(actions, trans);

    const track = (panel: NotebookPanel): void => {
      const actions: NotesActions = {
        resize: shape => {
          const { path, kernel } = locationOf(panel);
          const args = { notebook: path, kernel, shape: { ...shape } };
          void app.commands.execute(CommandIDs.resize, args);
        },
        raiseMemoryLimit: memoryMiB => void app.commands.execute(RAISE_MEMORY_LIMIT, { memoryMiB }),
        dismiss: located => {
          // The focused button is removed with its card: move the focus to the cell.
          const { cell } = located.finding.subject;
          panel.content.widgets.find(({ model }) => model.id === cell)?.node.focus();
          const action = backend.dismissFinding(located.cluster, located.finding.id);
          void showErrorOnFailure(trans.__('The finding was not dismissed'), action, trans);
        }
      };
      const tracker = new CellNotesTracker({ panel, backend, createNotes, actions });
      panel.disposed.connect(() => tracker.dispose());
    };
    notebooks.forEach(track);
    notebooks.widgetAdded.connect((_, panel) => track(panel));
  }
};
