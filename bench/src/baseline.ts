import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SHAPE } from '@aglais/protocol';
import { driverCommand, type DriverCommand } from '@aglais/server/driver-command';
import { argumentFile } from '@aglais/server/spark-driver';
import { checkout, java, python, sparkHome } from './installation.js';

const TOKEN = 'bench';
const SERVICE = 'org.apache.spark.sql.connect.service.SparkConnectServer';
/** Settings that only Aglais uses; the baseline has none of them. */
const OURS =
  /^spark\.(?:aglais\.|extraListeners$|executorEnv\.JAVA_HOME$|executor\.extraJavaOptions$)/;

/** Optimizations of the start; each can be disabled. */
export interface Measures {
  name: string;
  /** Java is started directly, not by `spark-submit`, which starts another JVM to build the command. */
  direct: boolean;
  archives: boolean;
  quickCompiler: boolean;
}

/** Spark as its documentation starts it, then with one more optimization each time. */
export const BASELINES: Measures[] = [
  { name: 'spark-submit, as documented', direct: false, archives: false, quickCompiler: false },
  { name: '+ Java started directly', direct: true, archives: false, quickCompiler: false },
  { name: '+ class-data archives', direct: true, archives: true, quickCompiler: false },
  { name: '+ quick compiler in the driver', direct: true, archives: true, quickCompiler: true }
];

/** Starts a Connect server of the default size without Aglais, passes its URL to `use`, and stops it. */
export async function withBaselineServer<T>(
  measures: Measures,
  use: (url: string) => Promise<T>
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'aglais-bench-baseline-'));
  for (const folder of ['scratch', 'tmp', 'eventlog']) await mkdir(join(directory, folder));
  await writeFile(join(directory, 'catalogue.sql'), '');
  const runtime = await java();
  const command = await commandFor(measures, directory, runtime);
  const port = measures.direct ? null : await freePort();
  const [program, ...values] =
    port === null
      ? [runtime, `@${join(directory, 'driver.args')}`]
      : [join(sparkHome, 'bin', 'spark-submit'), ...submitArguments(command, port)];
  await writeFile(join(directory, 'driver.args'), argumentFile(command.arguments));
  const driver = spawn(program, values, {
    env: {
      ...process.env,
      ...command.environment,
      // Otherwise spark-submit takes the one in PATH, as the setup did.
      ...(isAbsolute(runtime) && { JAVA_HOME: join(runtime, '..', '..') })
    },
    stdio: 'ignore'
  });
  const ended = new Promise(resolve => driver.once('close', resolve));
  try {
    const listening = port ?? (await readyPort(join(directory, 'ready')));
    if (port !== null) await answering(port);
    return await use(`sc://localhost:${listening}/;token=${TOKEN}`);
  } finally {
    driver.kill('SIGTERM');
    await ended;
    await rm(directory, { recursive: true, force: true });
    await rm(join(sparkHome, 'work', 'app-bench'), { recursive: true, force: true });
  }
}

/** The command of a local cluster, with only the chosen optimizations. */
async function commandFor(
  { archives, quickCompiler }: Measures,
  directory: string,
  runtime: string
): Promise<DriverCommand> {
  const installation = {
    home: sparkHome,
    java: runtime,
    python,
    scripts: join(checkout, 'interpreters', 'spark'),
    javaLacks: '',
    archives: { driver: archives, executor: archives }
  };
  const spec = { id: 'bench', shape: DEFAULT_SHAPE, token: TOKEN, catalogue: [] };
  const jars = await readdir(join(sparkHome, 'jars'));
  const command = driverCommand(spec, directory, installation, null, jars);
  return {
    ...command,
    arguments: command.arguments.filter(
      value => quickCompiler || !value.startsWith('-XX:TieredStopAtLevel')
    )
  };
}

/** The same settings as options of `spark-submit`. */
function submitArguments(command: DriverCommand, port: number): string[] {
  const settings = command.arguments
    .filter(value => value.startsWith('-Dspark.'))
    .map(value => value.slice(2))
    .filter(setting => !OURS.test(setting.split('=', 1)[0]!))
    .filter(setting => !setting.startsWith('spark.connect.grpc.binding.port='));
  settings.push(`spark.connect.grpc.binding.port=${port}`);
  return [
    '--class',
    SERVICE,
    '--driver-memory',
    `${DEFAULT_SHAPE.driverMemoryMiB}m`,
    ...settings.flatMap(setting => ['--conf', setting])
  ];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function answering(port: number): Promise<void> {
  const tried = () =>
    new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  while (!(await tried())) await sleep(10);
}

async function readyPort(file: string): Promise<string> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text !== null) return text.split('\n')[0]!;
    await sleep(10);
  }
}
