import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client
} from '@aws-sdk/client-s3';
import { KubeConfig } from '@kubernetes/client-node';
import { eventually } from '../support/server.js';

/** A real S3 server on this machine that pods can reach, with keys of this run. */
export interface ObjectStore {
  endpoint: string;
  region: string;
  /** Not known elsewhere. */
  secret: string;
  /** As `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. */
  environment: Record<string, string>;
  /** A directory with a file for each of them, like a mounted Secret. */
  keys: string;
  makeBucket(name: string): Promise<void>;
  put(bucket: string, key: string, body: Buffer): Promise<void>;
  get(bucket: string, key: string): Promise<Buffer>;
  list(bucket: string): Promise<string[]>;
  /** Stops it abruptly; its data is kept. */
  kill(): Promise<void>;
  /** Starts it at the same address, with the same data. */
  start(): Promise<void>;
}

/**
 * Starts the S3 server that the testbed built, on the address of the API server, which is the node's and reachable for
 * pods.
 * @param directory for its data; the file system must support extended attributes
 */
export async function openObjectStore(program: string, directory: string): Promise<ObjectStore> {
  const config = new KubeConfig();
  config.loadFromFile(process.env.AGLAIS_KUBECONFIG!);
  const host = new URL(config.getCurrentCluster()!.server).hostname;
  const port = await freePort(host);
  const endpoint = `http://${host}:${port}`;
  const region = 'us-east-1';
  const secret = randomBytes(24).toString('base64url');
  const access = randomBytes(10).toString('hex').toUpperCase();
  const environment = { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret };
  const [data, keys] = [join(directory, 'objects'), join(directory, 'keys')];
  for (const folder of [data, keys]) mkdirSync(folder, { mode: 0o700 });
  for (const [name, value] of Object.entries(environment)) writeFileSync(join(keys, name), value);
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: access, secretAccessKey: secret }
  });
  let child: ChildProcess | null = null;
  const store: ObjectStore = {
    endpoint,
    region,
    secret,
    environment,
    keys,
    async makeBucket(name) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    async put(bucket, key, body) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
    async get(bucket, key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Buffer.from(await Body!.transformToByteArray());
    },
    async list(bucket) {
      const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      return (Contents ?? []).map(({ Key }) => Key!);
    },
    async kill() {
      if (!child) return;
      const ended = new Promise(resolve => child!.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
      child = null;
    },
    async start() {
      const args = ['--quiet', '--port', `${host}:${port}`, '--region', region, 'posix', data];
      const started = spawn(program, args, {
        stdio: 'ignore',
        env: { ROOT_ACCESS_KEY_ID: access, ROOT_SECRET_ACCESS_KEY: secret }
      });
      child = started;
      await eventually('the S3 server', () => {
        if (started.exitCode !== null)
          throw new Error(`the S3 server ended with ${started.exitCode}`);
        return fetch(endpoint).then(
          () => true,
          () => false
        );
      });
    }
  };
  await store.start();
  return store;
}

async function freePort(host: string): Promise<number> {
  const listener = createServer().listen(0, host);
  await new Promise((resolve, reject) => listener.once('listening', resolve).once('error', reject));
  const { port } = listener.address() as AddressInfo;
  await new Promise(resolve => listener.close(resolve));
  return port;
}
