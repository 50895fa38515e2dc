import { homedir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { DEFAULT_SHAPE, Shape, shapeTotalMiB } from '@aglais/protocol';
import { z } from 'zod';
import { SMALLEST_SHAPE } from './clusters/admission/smallest-shape.js';
import type { RetentionPolicy } from './clusters/retention.js';

const MINUTE = 60_000;

const number = (fallback: number) => z.coerce.number().finite().nonnegative().default(fallback);
const flag = z
  .enum(['true', 'false'])
  .default('true')
  .transform(value => value === 'true');

const Environment = z.object({
  AGLAIS_DATA: z.string().optional(),
  AGLAIS_STATE: z.string().optional(),
  AGLAIS_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  AGLAIS_HOST: z.literal(['127.0.0.1', '::1', 'localhost']).default('127.0.0.1'),
  AGLAIS_DATABASE: z.string().optional().superRefine(checkDatabase),
  AGLAIS_SECRETS: z.string().optional(),
  AGLAIS_SPARK_HOME: z.string().optional(),
  AGLAIS_PYTHON: z.string().default('python3'),
  AGLAIS_JAVA: z.string().default('java'),
  AGLAIS_CATALOGUES: z.string().optional(),
  AGLAIS_IDLE_MINUTES: number(60),
  AGLAIS_START_SECONDS: number(120),
  AGLAIS_SPARES: z.coerce.number().int().min(0).max(100).default(1),
  AGLAIS_RETENTION_DAYS: number(30),
  AGLAIS_RETENTION_PER_NOTEBOOK: z.coerce.number().int().min(1).default(20),
  AGLAIS_SHUTDOWN_SECONDS: number(25),
  AGLAIS_MEMORY_MIB: z.coerce.number().int().min(shapeTotalMiB(SMALLEST_SHAPE)).optional(),
  AGLAIS_SHAPE: z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined) return undefined;
      const shape = Shape.safeParse(parseJson(text));
      if (shape.success) return shape.data;
      context.addIssue({
        code: 'custom',
        message: `is not a shape: ${z.prettifyError(shape.error)}`
      });
      return z.NEVER;
    }),
  AGLAIS_LAUNCHER: z.enum(['local', 'kubernetes']).default('local'),
  AGLAIS_KUBERNETES: z.string().optional(),
  AGLAIS_STOP_CLUSTERS_ON_EXIT: z.enum(['true', 'false']).optional(),
  AGLAIS_CGROUPS: flag,
  AGLAIS_DRIVER_ENVIRONMENT: z
    .string()
    .regex(/^(\w+\*?([\s,]+|$))*$/, 'is not a list of names, such as AWS_PROFILE,HADOOP_*')
    .default('')
    .transform(text => text.split(/[\s,]+/).filter(Boolean)),
  AGLAIS_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info')
});

/** Refused here, because a driver might parse such a URL differently and use a part of the password as a host name. */
function checkDatabase(address: string | undefined, context: z.RefinementCtx): void {
  if (address === undefined || !/^postgres(ql)?:/.test(address)) return;
  const url = URL.parse(address);
  const rest = url && `${url.pathname}${url.hash}${url.pathname.length > 1 ? '' : url.search}`;
  const isAmbiguous = rest === null || rest.includes('@');
  if (!isAmbiguous) return;
  context.addIssue({
    code: 'custom',
    message:
      'is not a valid address of a database. In user and password, write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25'
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Share of the machine's memory that all clusters together may have; the rest is for kernels, JupyterLab and the
 * browser.
 */
const CLUSTERS_SHARE = 0.7;

export interface Config {
  /** The value of `${AGLAIS_DATA}` in a share's path. */
  dataDirectory: string;
  /** State of the server: database, tokens, clusters. */
  stateDirectory: string;
  /** Directory of its tokens; several servers of an installation need the same content. */
  secretsDirectory: string;
  host: string;
  /** 0: any free port. */
  port: number;
  /** `postgresql://…`, or null for the embedded database in the data directory. */
  databaseUrl: string | null;
  /**
   * Whether other servers may work with the same clusters: on Kubernetes, with a database that all of them can reach.
   */
  mayHaveReplicas: boolean;
  sparkHome: string;
  python: string;
  java: string;
  cataloguesDirectory: string;
  idleMs: number;
  startDeadlineMs: number;
  /** Clusters of the default shape that are started in advance; on Kubernetes the configuration file sets it. */
  spares: number;
  /** The retention policy for ended clusters. */
  retention: RetentionPolicy;
  /** Deadline of the shutdown; what does not end in time is left as it is. */
  shutdownMs: number;
  /** Memory that all clusters together may be granted, MiB. */
  memoryMiB: number;
  defaultShape: Shape;
  launcher: 'local' | 'kubernetes';
  /** The Kubernetes configuration file; null: clusters run locally. */
  kubernetesConfigFile: string | null;
  stopClustersOnExit: boolean;
  useCgroups: boolean;
  /** Names of environment variables that local drivers get in addition to the usual ones. */
  driverEnvironment: string[];
  logLevel: string;
}

/**
 * Reads the configuration from environment variables (docs/configuration.md). Throws an error that lists all problems.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    throw new Error(
      `The configuration cannot be used; nothing was started.\n${z.prettifyError(parsed.error)}`
    );
  }
  const env = parsed.data;
  if (env.AGLAIS_LAUNCHER === 'kubernetes' && env.AGLAIS_KUBERNETES === undefined) {
    throw new Error(
      'The configuration cannot be used; nothing was started.\n' +
        'AGLAIS_KUBERNETES has to name the Kubernetes configuration file (docs/operations/kubernetes.md).'
    );
  }
  const dataDirectory = resolve(env.AGLAIS_DATA ?? join(homedir(), '.local', 'share', 'aglais'));
  const stateDirectory = resolve(env.AGLAIS_STATE ?? join(dataDirectory, 'state', 'server'));
  const mayHaveReplicas =
    env.AGLAIS_LAUNCHER === 'kubernetes' && /^postgres(ql)?:/.test(env.AGLAIS_DATABASE ?? '');
  return {
    dataDirectory,
    stateDirectory,
    secretsDirectory: resolve(env.AGLAIS_SECRETS ?? stateDirectory),
    mayHaveReplicas,
    host: env.AGLAIS_HOST,
    port: env.AGLAIS_PORT,
    databaseUrl: env.AGLAIS_DATABASE ?? null,
    sparkHome: resolve(env.AGLAIS_SPARK_HOME ?? join(stateDirectory, 'spark')),
    python: env.AGLAIS_PYTHON,
    java: env.AGLAIS_JAVA,
    cataloguesDirectory: resolve(
      env.AGLAIS_CATALOGUES ?? join(import.meta.dirname, '..', '..', 'catalogues')
    ),
    idleMs: env.AGLAIS_IDLE_MINUTES * MINUTE,
    startDeadlineMs: env.AGLAIS_START_SECONDS * 1000,
    spares: env.AGLAIS_SPARES,
    retention: {
      maxAgeMs: env.AGLAIS_RETENTION_DAYS * 24 * 60 * MINUTE,
      perNotebook: env.AGLAIS_RETENTION_PER_NOTEBOOK
    },
    shutdownMs: env.AGLAIS_SHUTDOWN_SECONDS * 1000,
    memoryMiB: env.AGLAIS_MEMORY_MIB ?? Math.floor((totalmem() / 2 ** 20) * CLUSTERS_SHARE),
    defaultShape: env.AGLAIS_SHAPE ?? DEFAULT_SHAPE,
    launcher: env.AGLAIS_LAUNCHER,
    kubernetesConfigFile:
      env.AGLAIS_KUBERNETES === undefined ? null : resolve(env.AGLAIS_KUBERNETES),
    // With several servers, the end of one is not the end of Aglais.
    stopClustersOnExit: (env.AGLAIS_STOP_CLUSTERS_ON_EXIT ?? String(!mayHaveReplicas)) === 'true',
    useCgroups: env.AGLAIS_CGROUPS,
    driverEnvironment: env.AGLAIS_DRIVER_ENVIRONMENT,
    logLevel: env.AGLAIS_LOG_LEVEL
  };
}
