import { backendPlugin } from './backend/plugin';
import { cellsPlugin } from './cells/plugin';
import { commandsPlugin } from './clusters/plugin';
import { panelPlugin } from './panel/plugin';
import { statusPlugin } from './status/plugin';

export * from './tokens';

export default [backendPlugin, commandsPlugin, panelPlugin, statusPlugin, cellsPlugin];
