import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs, orSay } from '../clusters/commands';
import { GROW_NOTEBOOK } from '../notebook-memory/command';
import { placeOf } from '../notebook/current';
import { IBackend } from '../tokens';
import { DOMAIN } from '../words';
import { CellNotesWidget, type NotesActions } from './notes';
import { CellNotesTracker } from './tracker';

export const cellsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@aglais/jupyterlab:cells',
  description: 'Shows progress of Spark and findings under the cells that they belong to.',
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
          const { path, kernel } = placeOf(panel);
          const args = { notebook: path, kernel, shape: { ...shape } };
          void app.commands.execute(CommandIDs.resize, args);
        },
        growNotebook: memoryMiB => void app.commands.execute(GROW_NOTEBOOK, { memoryMiB }),
        dismiss: placed => {
          // The button goes away with its card: the focus must not be lost with it.
          const { cell } = placed.finding.subject;
          panel.content.widgets.find(({ model }) => model.id === cell)?.node.focus();
          const action = backend.dismissFinding(placed.cluster, placed.finding.id);
          void orSay(trans.__('The finding was not dismissed'), action, trans);
        }
      };
      const tracker = new CellNotesTracker({ panel, backend, createNotes, actions });
      panel.disposed.connect(() => tracker.dispose());
    };
    notebooks.forEach(track);
    notebooks.widgetAdded.connect((_, panel) => track(panel));
  }
};
