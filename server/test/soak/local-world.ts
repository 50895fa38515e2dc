import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endAll } from '../support/processes.js';
import { environment, eventually } from '../support/server.js';
import { Recording } from '../support/recording.js';
import type { SimulatedDriver, World } from './world.js';

/** In place of Java: a process that does nothing, and ends when it is asked to. */
const DRIVER = `#!/bin/sh
case "$1" in --list-modules) exit 0;; esac
exec sleep 3600
`;

/** A file of the launcher's own beside the directories of clusters. */
const INSTALLATION = 'installation';

/** Drivers are processes of this machine, begun by the launcher that is in use; what they write is a recording. */
export function localWorld(directory: string): World {
  const java = join(directory, 'java');
  writeFileSync(java, DRIVER, { mode: 0o700 });
  const state = join(directory, 'state');
  const clusters = join(state, 'clusters');
  const recording = new Recording();
  return {
    environment: environment(directory, {
      AGLAIS_JAVA: java,
      AGLAIS_MEMORY_MIB: '1000000',
      AGLAIS_CGROUPS: 'false'
    }),
    database: join(state, 'aglais.sqlite'),
    async driver(id) {
      const place = join(clusters, id);
      await eventually('the driver', () => existsSync(join(place, 'driver.pid')));
      const driver = new LocalDriver(place, id, recording);
      driver.begin();
      return driver;
    },
    leftovers: () => readdirSync(clusters).filter(name => name !== INSTALLATION),
    close: async () => void (await endAll(clusters))
  };
}

class LocalDriver implements SimulatedDriver {
  constructor(
    private readonly directory: string,
    private readonly id: string,
    private readonly recording: Recording
  ) {}

  begin(): void {
    this.write(this.recording.start(`app-${this.id}`));
    writeFileSync(join(this.directory, 'ready'), '15003\n');
  }

  work(losses: boolean): Promise<void> {
    this.write(this.recording.work(`app-${this.id}`));
    if (losses) this.write(this.recording.losses(`app-${this.id}`));
    return Promise.resolve();
  }

  die(): void {
    const [pid] = readFileSync(join(this.directory, 'driver.pid'), 'utf8').split(' ');
    process.kill(Number(pid), 'SIGKILL');
  }

  private write(lines: string): void {
    appendFileSync(join(this.directory, 'live.jsonl'), lines);
  }
}
