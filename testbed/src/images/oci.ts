import { createHash } from 'node:crypto';
import { createReadStream, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A layer: an uncompressed tar archive. Its digest is also its diff id (OCI Image Format, "Layer DiffID"). */
export interface Layer {
  path: string;
  sha256: string;
  bytes: number;
}

export interface ImageConfig {
  entrypoint: string[];
  env: Record<string, string>;
  user: string;
  workdir: string;
  labels?: Record<string, string>;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The JSON documents of an image (OCI Image Format 1.1); the same input gives the same digests. */
export function imageDocuments(
  reference: string,
  layers: readonly Pick<Layer, 'sha256' | 'bytes'>[],
  config: ImageConfig,
  architecture: string
): { config: string; manifest: string; index: string } {
  const configText = JSON.stringify({
    architecture,
    os: 'linux',
    config: {
      User: config.user,
      WorkingDir: config.workdir,
      Entrypoint: config.entrypoint,
      Env: Object.entries(config.env).map(([key, value]) => `${key}=${value}`),
      ...(config.labels && { Labels: config.labels })
    },
    rootfs: { type: 'layers', diff_ids: layers.map(layer => `sha256:${layer.sha256}`) }
  });
  const descriptor = (type: string, text: string): Descriptor => ({
    mediaType: `application/vnd.oci.image.${type}.v1+json`,
    digest: `sha256:${sha256(text)}`,
    size: Buffer.byteLength(text)
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('config', configText),
    layers: layers.map(layer => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: `sha256:${layer.sha256}`,
      size: layer.bytes
    }))
  });
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor('manifest', manifest),
        annotations: {
          // containerd reads the full name from the first annotation, other tools read the tag from the second.
          'io.containerd.image.name': reference,
          'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1)
        }
      }
    ]
  });
  return { config: configText, manifest, index };
}

export async function layerOf(path: string): Promise<Layer> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return { path, sha256: hash.digest('hex'), bytes: statSync(path).size };
}

/** Writes an OCI image layout (a directory) whose layers are hard links to the given archives. */
export function writeLayout(
  directory: string,
  reference: string,
  layers: readonly Layer[],
  config: ImageConfig
): void {
  const blobs = join(directory, 'blobs', 'sha256');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(blobs, { recursive: true });
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const documents = imageDocuments(reference, layers, config, architecture);
  for (const layer of layers) linkSync(layer.path, join(blobs, layer.sha256));
  for (const text of [documents.config, documents.manifest])
    writeFileSync(join(blobs, sha256(text)), text);
  writeFileSync(join(directory, 'index.json'), documents.index);
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}
