import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs } from '../clusters/commands';
import { CurrentNotebook } from '../notebook/current-notebook';
import { IBackend } from '../tokens';
import { DOMAIN } from '../translation';
import { SparkStatus, SparkStatusModel } from './status';

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: '@aglais/jupyterlab:status',
  description: 'Shows the Spark cluster of the current notebook in the status bar.',
  autoStart: true,
  requires: [IBackend, INotebookTracker],
  // Notebook 7 has no status bar.
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    backend: IBackend,
    notebooks: INotebookTracker,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    if (!statusBar || backend.connection === 'off') return;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const model = new SparkStatusModel(backend, new CurrentNotebook(notebooks), trans);
    const open = (): void => void app.commands.execute(CommandIDs.openPanel);
    const item = new SparkStatus(model, open, trans);
    statusBar.registerStatusItem('@aglais/jupyterlab:status', {
      item,
      align: 'left',
      rank: 3,
      isActive: () => model.line !== null,
      activeStateChanged: model.stateChanged
    });
  }
};
