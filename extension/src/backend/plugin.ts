import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { IBackend } from '../tokens';
import { DOMAIN } from '../translation';
import { Backend, NoBackend } from './backend';

export const backendPlugin: JupyterFrontEndPlugin<IBackend> = {
  id: '@aglais/jupyterlab:backend',
  description: 'Provides the Aglais backend: its REST API and its state, updated by a WebSocket.',
  autoStart: true,
  provides: IBackend,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): IBackend =>
    // Set by our Jupyter Server extension (extension/aglais/app.py).
    PageConfig.getOption('aglais') === 'on'
      ? new Backend(
          app.serviceManager.serverSettings,
          (translator ?? nullTranslator).load(DOMAIN),
          PageConfig.getOption('aglaisPod') === 'on'
        )
      : new NoBackend()
};
