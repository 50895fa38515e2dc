import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import type { EventLogBucket } from '../kubernetes-config.js';

/** A store that does not answer must be noticed; a part over a slow line may take its time, ms. */
const CONNECT_MS = 5_000;
const REQUEST_MS = 120_000;
/** Keys are read again after this time, so that they can be changed while the server runs, ms. */
const KEYS_MS = 300_000;

/** A place for objects, as far as we need one. */
export interface Bucket {
  /** For people, and to know it again. */
  readonly place: string;
  /** Puts an object, or another in its place; it is there as a whole or not at all. @throws BucketRefused */
  put(key: string, body: Buffer, signal: AbortSignal): Promise<void>;
  /** Idempotent. @throws BucketRefused */
  remove(key: string, signal: AbortSignal): Promise<void>;
}

/** Why the bucket did not take something, in words for the operator. */
export class BucketRefused extends Error {
  override readonly name = 'BucketRefused';
}

/** The bucket of the configuration. Nothing is asked of it before something is put. */
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

/** Loaded when it is needed: 26 packages, which most servers have no use for. */
async function openClient(config: EventLogBucket): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const { keys } = config;
  return new S3Client({
    region: config.region,
    ...(config.endpoint && { endpoint: config.endpoint }),
    forcePathStyle: config.pathStyle,
    ...(keys && { credentials: () => readKeys(keys) }),
    // Stores other than AWS's own refuse checksums that they do not know; what is sent is signed with its SHA-256 anyhow.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // We try again by ourselves, and tell.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_MS }
  });
}

/** The files of a Secret that is mounted into the server's pod, in which Kubernetes puts new keys by itself. */
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
  // Of an error that is not of its own realm, the SDK hands on the text alone.
  const reason = code ?? /\bE[A-Z]{5,}\b/.exec(message)?.[0];
  if (reason !== undefined) return `${endpoint ?? 'its store'} cannot be reached (${reason})`;
  return `${name}: ${message}`;
}
