import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { IBackend } from '../tokens';
import { DOMAIN } from '../words';
import { Backend, NoBackend } from './backend';

export const backendPlugin: JupyterFrontEndPlugin<IBackend> = {
  id: '@aglais/jupyterlab:backend',
  description: 'Provides the Aglais backend: one REST module and one WebSocket with its state.',
  autoStart: true,
  provides: IBackend,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): IBackend =>
    // Said by our part of the Jupyter server, which knows whether there is a backend.
    PageConfig.getOption('aglais') === 'on'
      ? new Backend(
          app.serviceManager.serverSettings,
          (translator ?? nullTranslator).load(DOMAIN),
          PageConfig.getOption('aglaisPod') === 'on'
        )
      : new NoBackend()
};
