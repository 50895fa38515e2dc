import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { IBackend } from '../tokens';
import { Backend, NoBackend } from './backend';

export const backendPlugin: JupyterFrontEndPlugin<IBackend> = {
  id: '@aglais/jupyterlab:backend',
  description: 'Provides the Aglais backend: one REST module and one WebSocket with its state.',
  autoStart: true,
  provides: IBackend,
  activate: (app: JupyterFrontEnd): IBackend =>
    // Said by our part of the Jupyter server, which knows whether there is a backend.
    PageConfig.getOption('aglais') === 'on'
      ? new Backend(app.serviceManager.serverSettings)
      : new NoBackend()
};
