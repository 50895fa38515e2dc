import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CoreV1Api,
  KubeConfig,
  NetworkingV1Api,
  type V1Container,
  type V1Pod
} from '@kubernetes/client-node';

const POLL_MS = 100;

function required(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set; these tests are started by npm run test:kubernetes.`);
  return value;
}

/** The cluster for the tests, with a namespace that is deleted afterwards. */
export class TestCluster {
  readonly namespace = `aglais-testbed-${randomBytes(4).toString('hex')}`;
  readonly core: CoreV1Api;
  readonly networking: NetworkingV1Api;
  readonly spark = required('AGLAIS_SPARK_IMAGE');
  readonly probe = process.env.AGLAIS_PROBE_IMAGE ?? 'aglais.local/probe:1';

  constructor() {
    const config = new KubeConfig();
    config.loadFromFile(required('AGLAIS_KUBECONFIG'));
    this.core = config.makeApiClient(CoreV1Api);
    this.networking = config.makeApiClient(NetworkingV1Api);
  }

  async open(): Promise<void> {
    await this.core.createNamespace({ body: { metadata: { name: this.namespace } } });
    await this.until('its service account', async () => {
      const account = { name: 'default', namespace: this.namespace };
      return this.core.readNamespacedServiceAccount(account).catch(() => null);
    });
  }

  async close(): Promise<void> {
    await this.core.deleteNamespace({ name: this.namespace });
    await this.until('the end of the namespace', async () =>
      this.core.readNamespace({ name: this.namespace }).then(
        () => null,
        () => true
      )
    );
  }

  /** Creates a pod with one container that runs a shell script; extra parts of the container take precedence. */
  async run(
    name: string,
    script: string,
    container: Partial<V1Container> = {},
    pod: Partial<NonNullable<V1Pod['spec']>> = {}
  ): Promise<void> {
    await this.core.createNamespacedPod({
      namespace: this.namespace,
      body: {
        metadata: { name, labels: { app: name } },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: 'probe',
              image: this.probe,
              imagePullPolicy: 'IfNotPresent',
              command: ['sh', '-c', script],
              ...container
            }
          ],
          ...pod
        }
      }
    });
  }

  read(name: string): Promise<V1Pod> {
    return this.core.readNamespacedPod({ name, namespace: this.namespace });
  }

  log(name: string): Promise<string> {
    return this.core.readNamespacedPodLog({ name, namespace: this.namespace });
  }

  /** Waits for a phase and returns the pod; another end of the pod is an error with its log. */
  async reaches(name: string, phase: string): Promise<V1Pod> {
    return this.until(`${name} to be ${phase}`, async () => {
      const pod = await this.read(name);
      const now = pod.status?.phase ?? '';
      if (now === phase) return pod;
      if (['Succeeded', 'Failed'].includes(now))
        throw new Error(`${name} is ${now}: ${await this.log(name).catch(() => 'no log')}`);
      return null;
    });
  }

  /** The output of a command in a pod of its own. */
  async output(
    name: string,
    command: string[],
    container: Partial<V1Container> = {}
  ): Promise<string> {
    await this.run(name, '', { ...container, command });
    await this.reaches(name, 'Succeeded');
    return this.log(name);
  }

  async until<T>(what: string, ask: () => Promise<T | null | false>, limitMs = 60_000): Promise<T> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const answer = await ask();
      if (answer) return answer;
      if (Date.now() > deadline) throw new Error(`Waited ${limitMs / 1000} s in vain for ${what}.`);
      await sleep(POLL_MS);
    }
  }
}
