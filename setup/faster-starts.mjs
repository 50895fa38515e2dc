import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { fasterStarts, steps } from './setup.mjs';
import { prepare, SetupError } from './steps.mjs';

/** Makes the class-data archives while JupyterLab is in use: at the lowest priority, and no longer than its parent lives. */
setPriority(19);
try {
  // Where Linux groups processes by their session, only the group's priority counts against other sessions (sched(7)).
  writeFileSync('/proc/self/autogroup', '19');
} catch {
  // There are no such groups here.
}
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
const count = steps.length + 1;
try {
  await prepare([fasterStarts], { count });
  process.exit(0);
} catch (error) {
  console.error(error instanceof SetupError ? `\n${error.message}` : error);
  process.exit(1);
}
