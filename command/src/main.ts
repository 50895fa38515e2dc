import { runCommand } from './command.js';

// The first Ctrl-C stops --follow gracefully; without --follow, and the second time, it exits immediately.
const following = new AbortController();
const args = process.argv.slice(2);
if (args.some(arg => arg === '--follow' || /^-[a-z]*f/.test(arg))) {
  process.once('SIGINT', () => following.abort());
  process.once('SIGTERM', () => following.abort());
}

process.exitCode = await runCommand(
  args,
  { stdout: process.stdout, stderr: process.stderr, env: process.env, now: Date.now },
  { worker: new URL('./worker.js', import.meta.url), signal: following.signal }
);
