import { setPriority } from 'node:os';
import { setSessionPriority } from './programs.mjs';
import { fasterSteps, steps } from './setup.mjs';
import { prepare, SetupError } from './steps.mjs';

/**
 * Runs the steps that make starts faster. As a child of `npm start`, while JupyterLab is in use: at the lowest priority, and
 * no longer than its parent process.
 */
if (process.connected) {
  setPriority(19);
  setSessionPriority(process.pid, 19);
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
}
try {
  await prepare(fasterSteps, { count: steps.length + fasterSteps.length });
  process.exit(0);
} catch (error) {
  console.error(error instanceof SetupError ? `\n${error.message}` : error);
  process.exit(1);
}
