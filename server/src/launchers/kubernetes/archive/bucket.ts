import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import type { EventLogBucket } from '../kubernetes-config.js';

/** A store that does not respond must be detected; a part over a slow network may take a while, ms. */
const CONNECT_MS = 5_000;
const REQUEST_MS = 120_000;
/** Keys are read again after this time, so that they can be changed while the server is running, ms. */
const KEYS_MS = 300_000;

/** The object store operations that the archive needs. */
export interface Bucket {
  /** For people, and to identify it. */
  readonly place: string;
  /** Puts or replaces an object, atomically. @throws BucketRefused */
  put(key: string, body: Buffer, signal: AbortSignal): Promise<void>;
  /** Idempotent. @throws BucketRefused */
  remove(key: string, signal: AbortSignal): Promise<void>;
}

/** Why the bucket refused an operation, for the operator. */
export class BucketRefused extends Error {
  override readonly name = 'BucketRefused';
}

/** The bucket of the configuration. Sends no request before the first object is put. */
export function bucketOf(config: EventLogBucket): Bucket {
  const prefix = config.prefix.replace(/^\/+|\/+$/g, '');
  const keyOf = (key: string) => (prefix ? `${prefix}/${key}` : key);
  const at = config.endpoint ? ` at ${config.endpoint}` : '';
  let opened: Promise<S3Client> | null = null;
  const ask = async (request: (client: S3Client) => Promise<unknown>): Promise<void> => {
    try {
      await request(await (opened ??= openClient(config)));
    } catch (error) {
      throw new BucketRefused(errorMessage(error, config), { cause: error });
    }
  };
  const within = (signal: AbortSignal) => ({
    abortSignal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)])
  });
  return {
    place: `s3://${config.name}/${prefix}${at}`,
    async put(key, body, signal) {
      const { PutObjectCommand } = await import('@aws-sdk/client-s3');
      const object = { Bucket: config.name, Key: keyOf(key), Body: body };
      await ask(client => client.send(new PutObjectCommand(object), within(signal)));
    },
    async remove(key, signal) {
      const { DeleteObjectCommand } = await import('@aws-sdk/client-s3');
      const object = { Bucket: config.name, Key: keyOf(key) };
      await ask(client => client.send(new DeleteObjectCommand(object), within(signal)));
    }
  };
}

/** Loaded on demand: 26 packages, which most servers do not use. */
async function openClient(config: EventLogBucket): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const { keys } = config;
  return new S3Client({
    region: config.region,
    ...(config.endpoint && { endpoint: config.endpoint }),
    forcePathStyle: config.pathStyle,
    ...(keys && { credentials: () => readKeys(keys) }),
    // Stores other than AWS refuse checksums that they do not know; the SHA-256 is part of the signature in any case.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The archive itself retries and reports.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_MS }
  });
}

/** The files of a Secret that is mounted into the server's pod; Kubernetes updates them with new keys. */
async function readKeys(
  directory: string
): Promise<{ accessKeyId: string; secretAccessKey: string; expiration: Date }> {
  const read = async (name: string) => (await readFile(join(directory, name), 'utf8')).trim();
  return {
    accessKeyId: await read('AWS_ACCESS_KEY_ID'),
    secretAccessKey: await read('AWS_SECRET_ACCESS_KEY'),
    expiration: new Date(Date.now() + KEYS_MS)
  };
}

function errorMessage(error: unknown, { name: bucket, endpoint, keys }: EventLogBucket): string {
  const { name, message, code, path, $metadata } = error as NodeJS.ErrnoException & {
    $metadata?: { httpStatusCode?: number };
  };
  if (path !== undefined) return `its keys cannot be read (${message}); look at ${keys}`;
  if (name === 'NoSuchBucket') return `there is no bucket ${bucket}; make it, or correct its name`;
  const status = $metadata?.httpStatusCode;
  if (status === 401 || status === 403)
    return `it refuses the server's keys (${name}: ${message}); look at the keys and at what they may do`;
  if (name === 'AbortError' || name === 'TimeoutError') return 'it does not answer in time';
  // The SDK passes on only the message of an error that is not an instance of its own classes.
  const reason = code ?? /\bE[A-Z]{5,}\b/.exec(message)?.[0];
  if (reason !== undefined) return `${endpoint ?? 'its store'} cannot be reached (${reason})`;
  return `${name}: ${message}`;
}
