import { spawn } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkout, python, sparkHome } from './paths.mjs';
import { SetupError } from './steps.mjs';
import { chosenJava, output } from './tools.mjs';

const scripts = join(checkout, 'interpreters', 'spark');
/** Records that the archives were created, or why not, so that an unsuitable Java is not tried at each start. */
export const archivesNote = join(sparkHome, 'archives.txt');
/** At the lowest priority, next to more important work. */
const START_MS = 900_000;
const EXIT_MS = 600_000;
/** Prefix of a directory in the Spark home where a process, whose id follows, writes its archives. */
const UNFINISHED = 'archives-of-';

/**
 * Runs a small Spark application and archives the classes that its JVMs loaded and verified (class-data archives, JEP
 * 350); every later driver and executor maps them into memory. Servers may start clusters meanwhile: an archive gets
 * its final name only when it is complete.
 */
export async function makeArchives({ run, say, signal }) {
  const { driverCommand } = await import('../server/dist/launchers/local/driver-command.js');
  const { argumentFile } = await import('../server/dist/launchers/spark-driver.js');
  const directory = mkdtempSync(join(tmpdir(), 'aglais-archives-'));
  const id = `training-${process.pid}`;
  const token = 'training';
  const java = chosenJava();
  const lacks = (output(java, ['--list-modules']) ?? '').includes('jdk.incubator.vector')
    ? ''
    : 'jdk.incubator.vector';
  const { DEFAULT_SHAPE } = await import('../protocol/dist/index.js');
  // One executor: each would write the same archive.
  const shape = { ...DEFAULT_SHAPE, executors: { min: 1, max: 1 } };
  const command = driverCommand(
    { id, shape, token, catalogue: [] },
    directory,
    {
      home: sparkHome,
      java,
      python,
      scripts,
      javaLacks: lacks,
      archives: { driver: false, executor: false }
    },
    null,
    readdirSync(join(sparkHome, 'jars'))
  );
  for (const folder of ['scratch', 'tmp', 'eventlog']) mkdirSync(join(directory, folder));
  writeFileSync(join(directory, 'catalogue.sql'), '');
  const unfinished = join(sparkHome, `${UNFINISHED}${process.pid}`);
  removeUnfinished();
  mkdirSync(unfinished);
  const archive = who => join(unfinished, `${who}.jsa`);
  // Archives of another Java or other jars are useless.
  for (const who of ['driver', 'executor']) rmSync(join(sparkHome, `${who}.jsa`), { force: true });
  const bin = join(directory, 'executor', 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(join(scripts, 'training-java.sh'), join(bin, 'java'));
  const executorPid = join(directory, 'executor.pid');
  const values = [...command.arguments];
  values.splice(
    -1,
    0,
    `-XX:ArchiveClassesAtExit=${archive('driver')}`,
    `-Dspark.executorEnv.JAVA_HOME=${join(directory, 'executor')}`
  );
  writeFileSync(join(directory, 'driver.args'), argumentFile(values));
  const log = createWriteStream(join(directory, 'driver.log'));
  const driver = spawn(java, [`@${join(directory, 'driver.args')}`], {
    cwd: directory,
    env: {
      ...process.env,
      ...command.environment,
      AGLAIS_TRAINING: executorPid,
      AGLAIS_ARCHIVE: archive('executor')
    },
    stdio: ['ignore', 'pipe', 'pipe']
  });
  driver.stdout.pipe(log);
  driver.stderr.pipe(log);
  const ended = new Promise(resolve => driver.once('close', resolve));
  let executorRuns = true;
  try {
    say('starting Spark');
    const port = await portOf(join(directory, 'ready'), driver, signal);
    say('running queries, so that Java loads the classes they need');
    const trained = run(python, [
      join(scripts, 'training.py'),
      `sc://localhost:${port}/;token=${token}`
    ]);
    await Promise.race([trained, executorEnded(executorPid, trained, id)]);
    // Each process writes its archive at exit. The driver would not give its executor enough time, so the executor is
    // stopped first.
    say('writing the archive of the executor');
    const pid = Number(readFileSync(executorPid, 'utf8'));
    process.kill(pid, 'SIGTERM');
    for (let waited = 0; isAlive(pid) && waited < EXIT_MS; waited += 100)
      await sleep(100, undefined, { signal });
    executorRuns = false;
    say('writing the archive of the driver');
    driver.kill('SIGTERM');
    await Promise.race([ended, sleep(EXIT_MS, undefined, { ref: false, signal })]);
    const missing = ['driver', 'executor'].filter(who => !existsSync(archive(who)));
    const note =
      missing.length === 0
        ? 'made'
        : `This Java wrote no archive of its classes for ${missing.join(' and ')}: Spark starts more slowly, nothing else is lost.`;
    if (missing.length > 0) console.log(`\n${note}`);
    else
      for (const who of ['driver', 'executor'])
        renameSync(archive(who), join(sparkHome, `${who}.jsa`));
    writeFileSync(archivesNote, `${note}\n`);
  } finally {
    driver.kill('SIGKILL');
    await ended;
    if (executorRuns && existsSync(executorPid))
      endProcess(Number(readFileSync(executorPid, 'utf8')));
    for (const path of [directory, unfinished, join(sparkHome, 'work', `app-${id}`)])
      rmSync(path, { recursive: true, force: true });
  }
}

/** Spark would keep starting executors that exit; the first exit says why. */
async function executorEnded(pidFile, trained, id) {
  let over = false;
  trained.then(
    () => (over = true),
    () => (over = true)
  );
  while (!over) {
    await sleep(500);
    if (over || !existsSync(pidFile) || isAlive(Number(readFileSync(pidFile, 'utf8')))) continue;
    const log = join(sparkHome, 'work', `app-${id}`, '0', 'stderr');
    const words = existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : '';
    throw new SetupError(`${words}\nAn executor of Spark ended by itself on this machine.`);
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function endProcess(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Leftovers of processes that were killed while they created archives. */
function removeUnfinished() {
  for (const name of readdirSync(sparkHome).filter(entry => entry.startsWith(UNFINISHED)))
    if (!isAlive(Number(name.slice(UNFINISHED.length))))
      rmSync(join(sparkHome, name), { recursive: true, force: true });
}

async function portOf(file, driver, signal) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && driver.exitCode === null) {
    if (existsSync(file)) return readFileSync(file, 'utf8').split('\n')[0];
    await sleep(100, undefined, { signal });
  }
  throw new SetupError('Spark did not start on this machine.');
}
