import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { Shape } from '@aglais/protocol';
import { z } from 'zod';

/** A name for labels and volumes (RFC 1123); a longer one would not leave space for our suffixes. */
const Name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$/, 'at most 30 lower-case letters, digits and "-"');
const AbsolutePath = z.string().regex(/^\/[^:]*$/, 'an absolute path without ":"');
const Cpu = z.string().regex(/^\d+(\.\d+)?m?$/, 'a quantity of processors, e.g. "500m" or "2"');
const MiB = z.number().int().min(1);
const Strings = z.record(z.string(), z.string());

const Toleration = z.strictObject({
  key: z.string().exactOptional(),
  operator: z.enum(['Exists', 'Equal']).exactOptional(),
  value: z.string().exactOptional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).exactOptional(),
  tolerationSeconds: z.number().int().exactOptional()
});

const Placement = z.strictObject({
  nodeSelector: Strings.default({}),
  tolerations: z.array(Toleration).default([]),
  priorityClass: z.string().optional(),
  scheduler: z.string().optional()
});

/** Where Spark spills to: the node's disk, memory, a fast local disk, or a generic ephemeral volume. */
const Scratch = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('disk'),
    sizeMiB: MiB.default(51_200).describe('A pod that writes more is evicted')
  }),
  z.strictObject({ kind: z.literal('memory'), sizeMiB: MiB }),
  z.strictObject({ kind: z.literal('host'), path: AbsolutePath }),
  z.strictObject({ kind: z.literal('volume'), storageClass: z.string().optional(), sizeMiB: MiB })
]);
export type Scratch = z.infer<typeof Scratch>;

/** What an operator offers in addition to plain pods, by name: a GPU, fast local scratch. It applies to executors. */
const Option = z.strictObject({
  title: z.string().describe('For users, a few words'),
  description: z.string().default('').describe('For users, a sentence: what it is good for'),
  nodeSelector: Strings.default({}),
  tolerations: z.array(Toleration).default([]),
  resources: z
    .record(z.string(), z.union([z.string(), z.number()]).transform(String))
    .default({})
    .describe('Extended resources of each executor, e.g. {"nvidia.com/gpu": 1}'),
  scratch: Scratch.optional(),
  properties: Strings.default({}).describe('Spark properties')
});
export type Option = z.infer<typeof Option>;

const VolumeSource = z.union([
  z.strictObject({ claim: z.string() }),
  z.strictObject({ hostPath: AbsolutePath }),
  z.strictObject({ nfs: z.strictObject({ server: z.string(), path: AbsolutePath }) })
]);

/** Data of shares, mounted read-only into the driver and all executors. */
const ShareVolume = z.strictObject({
  name: Name,
  mountPath: AbsolutePath.refine(
    path => !/^\/(aglais|aglais-conf|aglais-secret|opt|scratch|tmp|work)?(\/|$)/.test(path),
    'is a place that Spark itself needs; take another, e.g. /data'
  ),
  source: VolumeSource,
  subPath: z.string().optional()
});
export type ShareVolume = z.infer<typeof ShareVolume>;

const EventLogVolume = z.strictObject({
  volume: VolumeSource.describe('Must be writable for the user of the pods'),
  subPath: z.string().optional()
});
export type EventLogVolume = z.infer<typeof EventLogVolume>;

/** A bucket to which the server uploads event logs: pods know neither its name nor its keys. */
const EventLogBucket = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'a name of a bucket'),
  prefix: z.string().default('').describe('A folder in the bucket'),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Default: AWS'),
  region: z.string().min(1).default('us-east-1'),
  pathStyle: z.boolean().default(true),
  keys: AbsolutePath.optional().describe(
    'A folder with the files AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: a Secret, mounted into the pod of the server. ' +
      "Default: the server's environment or role, as AWS clients find them"
  )
});
export type EventLogBucket = z.infer<typeof EventLogBucket>;

/** Where Spark's event logs are kept after their pods are gone, as Spark's History Server reads them. */
const EventLog = z.union([EventLogVolume, z.strictObject({ bucket: EventLogBucket })]);

const ObjectStore = z.strictObject({
  endpoint: z.url().optional(),
  region: z.string().optional(),
  pathStyle: z.boolean().default(true),
  secret: z
    .string()
    .optional()
    .describe('A Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; none: public buckets')
});

/** Pods in which Jupyter Servers and their kernels run, whatever created them, and whose memory may be raised. */
const Notebooks = z.strictObject({
  namespace: z.string().regex(/^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'a namespace'),
  labels: Strings.refine(labels => Object.keys(labels).length > 0, 'at least one label')
    .default({ component: 'singleuser-server' })
    .describe('All of which each of these pods has'),
  container: z.string().default('notebook').describe('The one in which kernels run'),
  maxMiB: MiB.describe('The most that one of them may be given'),
  audience: z.string().min(1).default('aglais').describe('Of the tokens by which they are known')
});
export type Notebooks = z.infer<typeof Notebooks>;

/** Peers of a NetworkPolicy, passed on unchanged. */
const Peers = z.array(
  z.strictObject({
    ipBlock: z
      .strictObject({ cidr: z.string(), except: z.array(z.string()).optional() })
      .optional(),
    podSelector: z.strictObject({ matchLabels: Strings }).optional(),
    namespaceSelector: z.strictObject({ matchLabels: Strings }).optional()
  })
);

export const KubernetesConfig = z
  .strictObject({
    installation: Name.default('aglais').describe(
      'A name for people and for selectors; the id in the database decides what belongs to it'
    ),
    connection: z
      .strictObject({ kubeconfig: z.string().optional(), context: z.string().optional() })
      .prefault({})
      .describe("Default: the service account of the server's pod, otherwise the usual kubeconfig"),
    namespace: z
      .string()
      .regex(/^(?=.{1,63}$)[a-z0-9]([a-z0-9-]|\{user\})*$/, 'a namespace; {user} may stand in it')
      .default('aglais'),
    prepare: z
      .boolean()
      .default(false)
      .describe('Make namespaces and the rights of drivers when they are missing'),
    spares: z
      .array(z.strictObject({ shape: Shape.optional(), count: z.number().int().min(0).max(1_000) }))
      .default([])
      .describe(
        'Clusters that are started before anybody asks; without a shape, of the default one'
      ),
    serviceAccount: z.string().default('aglais-driver'),
    image: z.strictObject({
      name: z.string().min(1),
      pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
      pullSecrets: z.array(z.string()).default([])
    }),
    reach: z
      .enum(['pod', 'service'])
      .default('pod')
      .describe(
        'How kernels address a driver: by the IP of its pod, or by the name of its Service'
      ),
    placement: Placement.prefault({}),
    driver: z
      .strictObject({
        overheadMiB: MiB.default(384).describe('Beyond its heap: class data, code, threads'),
        cpu: z.strictObject({ request: Cpu.default('250m'), limit: Cpu.optional() }).prefault({})
      })
      .prefault({}),
    executor: z
      .strictObject({
        cpuPerCore: z
          .number()
          .positive()
          .max(1)
          .default(1)
          .describe('CPUs to request for each concurrent task of an executor'),
        limitCpu: z.boolean().default(false)
      })
      .prefault({}),
    witness: z.strictObject({ memoryMiB: MiB.default(96), cpu: Cpu.default('20m') }).prefault({}),
    scratch: Scratch.prefault({ kind: 'disk' }),
    volumeLimits: z
      .strictObject({
        directoryMiB: MiB.default(10_240).describe(
          "The driver's own files: event log, live events, log. A driver that writes more is evicted"
        ),
        temporaryMiB: MiB.default(4_096).describe(
          'For each of /tmp and /work, in drivers and executors. A pod that writes more is evicted'
        )
      })
      .prefault({}),
    options: z.record(Name, Option).default({}),
    volumes: z.array(ShareVolume).default([]),
    eventLog: EventLog.optional().describe("Default: only the server's copy is kept"),
    dataDirectory: AbsolutePath.default('/data').describe(
      'What ${AGLAIS_DATA} in the path of a share means in the pods'
    ),
    sharePaths: z
      .record(z.string(), z.string())
      .default({})
      .describe('Where shares are in the pods if not where they say, by their ids'),
    objectStore: ObjectStore.optional(),
    network: z
      .strictObject({
        kernels: Peers.optional().describe('Who may reach Spark Connect. Default: everyone'),
        server: Peers.optional().describe('Who may reach the witness. Default: everyone'),
        blocked: z
          .array(z.union([z.cidrv4(), z.cidrv6()]))
          .default(['169.254.169.254/32', 'fd00:ec2::254/128'])
          .describe(
            'What drivers and executors must not reach: the metadata service, which gives out credentials of the node. ' +
              'An empty list leaves it to other policies what they may reach'
          )
      })
      .prefault({}),
    security: z
      .strictObject({
        runAsUser: z.number().int().min(1).default(185),
        supplementalGroups: z.array(z.number().int()).default([])
      })
      .prefault({}),
    capacity: z
      .strictObject({
        memoryMiB: MiB.optional().describe(
          'For all clusters together. Default: the capacity of the nodes'
        ),
        largestNode: z
          .strictObject({ memoryMiB: MiB, cores: z.number().positive() })
          .optional()
          .describe('For clusters that grow by themselves: a node that could come')
      })
      .prefault({}),
    notebooks: Notebooks.optional().describe(
      'Default: the memory of notebooks is neither shown nor raised'
    ),
    labels: Strings.default({}),
    annotations: Strings.default({}),
    properties: Strings.default({}).describe('Spark properties, which win over ours'),
    stopSeconds: z.number().int().min(1).max(600).default(20).describe('What a driver gets to end')
  })
  .superRefine((config, context) => {
    if (!config.eventLog || !('bucket' in config.eventLog)) return;
    const all = [config.properties, ...Object.values(config.options).map(one => one.properties)];
    for (const name of all.flatMap(Object.keys).filter(key => key.startsWith('spark.eventLog.')))
      context.addIssue({
        code: 'custom',
        path: ['properties', name],
        message:
          'cannot be set where "eventLog" names a bucket: the server divides and compresses the log by itself'
      });
  });
export type KubernetesConfig = z.infer<typeof KubernetesConfig> & {
  /** From the database, once it is open. */
  installationId?: string;
};

/** Reads the operator's file. Throws an error that lists all problems. */
export async function readKubernetesConfig(file: string): Promise<KubernetesConfig> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(
      `The config for Kubernetes cannot be read (${(error as Error).message}). ` +
        'Name a file that can by AGLAIS_KUBERNETES; nothing was started.'
    );
  });
  const config = KubernetesConfig.safeParse(parse(text) ?? {});
  if (config.success) return config.data;
  throw new Error(
    `The config for Kubernetes in ${file} cannot be used; nothing was started.\n${z.prettifyError(config.error)}`
  );
}
