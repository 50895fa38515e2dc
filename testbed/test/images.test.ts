import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../src/directories.js';
import { imageDocuments } from '../src/images/oci.js';
import { requirementsOf } from '../src/images/requirements.js';
import { currentRequirements } from '../src/images/spark-image.js';

const LAYERS = [
  { sha256: 'a'.repeat(64), bytes: 10 },
  { sha256: 'b'.repeat(64), bytes: 20 }
];
const CONFIG = { entrypoint: ['/run'], env: { PATH: '/bin' }, user: '185', workdir: '/tmp' };
const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

interface Descriptor {
  digest: string;
  size: number;
  annotations: Record<string, string>;
}

describe('the documents of an image', () => {
  const documents = imageDocuments('aglais.local/spark:1.0-abc', LAYERS, CONFIG, 'amd64');
  const manifest = JSON.parse(documents.manifest) as { config: Descriptor; layers: Descriptor[] };
  const index = JSON.parse(documents.index) as { manifests: Descriptor[] };

  it('refer to each other by digest and size', () => {
    expect(manifest.config.digest).toBe(sha256(documents.config));
    expect(manifest.config.size).toBe(documents.config.length);
    expect(index.manifests[0]?.digest).toBe(sha256(documents.manifest));
    expect(index.manifests[0]?.size).toBe(documents.manifest.length);
  });

  it('list the layers in order', () => {
    expect(manifest.layers.map(layer => layer.digest)).toEqual(
      LAYERS.map(layer => `sha256:${layer.sha256}`)
    );
    const { rootfs } = JSON.parse(documents.config) as { rootfs: { diff_ids: string[] } };
    expect(rootfs.diff_ids).toEqual(LAYERS.map(layer => `sha256:${layer.sha256}`));
  });

  it('are the same each time, and differ for other layers', () => {
    expect(imageDocuments('aglais.local/spark:1.0-abc', LAYERS, CONFIG, 'amd64')).toEqual(
      documents
    );
    expect(
      imageDocuments('aglais.local/spark:1.0-abc', [...LAYERS].reverse(), CONFIG, 'amd64').manifest
    ).not.toBe(documents.manifest);
  });

  it('have the name that pods use', () => {
    expect(index.manifests[0]?.annotations).toEqual({
      'io.containerd.image.name': 'aglais.local/spark:1.0-abc',
      'org.opencontainers.image.ref.name': '1.0-abc'
    });
  });
});

describe('the jars of S3A', () => {
  const list = readFileSync(join(checkout, 'interpreters/spark/image/s3a-jars.txt'), 'utf8');
  const jars = list.trim().split('\n');

  it('have a version and a checksum each, and no duplicates', () => {
    for (const jar of jars) expect(jar).toMatch(/^[\w.-]+:[\w.-]+:[\w.]+ [0-9a-f]{64}$/);
    const names = jars.map(jar => jar.split(':')[1]);
    expect(new Set(names).size).toBe(names.length);
  });

  it("match PySpark's Hadoop, with one version of the AWS SDK", () => {
    const [packages = ''] = readdirSync(join(checkout, '.venv/lib'));
    const brought = readdirSync(
      join(checkout, '.venv/lib', packages, 'site-packages/pyspark/jars')
    );
    const hadoop = brought.flatMap(jar => /^hadoop-client-api-(.*)\.jar$/.exec(jar)?.[1] ?? []);
    expect(hadoop).toHaveLength(1);
    expect(list).toContain(`org.apache.hadoop:hadoop-aws:${hadoop[0]} `);
    const versions = jars.flatMap(jar => /^software\.amazon\.awssdk:.*:(.*) /.exec(jar)?.[1] ?? []);
    expect(new Set(versions).size).toBe(1);
    // Spark's own jars must not be duplicated in another version.
    for (const jar of jars) {
      const [, name = ''] = jar.split(':');
      expect(
        brought.filter(
          other => other.startsWith(`${name}-`) && /^-\d/.test(other.slice(name.length))
        )
      ).toEqual([]);
    }
  });
});

describe('the Python packages of the image', () => {
  const text = [
    "numpy==2.4.6 ; python_full_version < '3.12' \\",
    '    --hash=sha256:aa',
    "numpy==2.5.5 ; python_full_version >= '3.12' \\",
    '    --hash=sha256:bb',
    "pywin32==1 ; sys_platform == 'win32' \\",
    '    --hash=sha256:cc',
    'six==1.17.0 \\',
    '    --hash=sha256:dd \\',
    '    --hash=sha256:ee',
    ''
  ].join('\n');

  it('are those of the lock file, with all their checksums', () => {
    expect(requirementsOf(text, ['six'], 11)).toBe(
      'six==1.17.0 \\\n    --hash=sha256:dd \\\n    --hash=sha256:ee\n'
    );
  });

  it('are those for the Python of the image', () => {
    expect(requirementsOf(text, ['numpy'], 11)).toContain('numpy==2.4.6');
    expect(requirementsOf(text, ['numpy'], 13)).toContain('numpy==2.5.5');
  });

  it('must all exist, for this system', () => {
    expect(() => requirementsOf(text, ['numpy', 'missing'], 11)).toThrow(
      'missing is not in the list'
    );
    expect(() => requirementsOf(text, ['pywin32'], 11)).toThrow('pywin32 is not in the list');
  });

  it('are up to date with the lock file', () => {
    const written = join(
      import.meta.dirname,
      ...['..', '..', 'interpreters', 'spark', 'image', 'requirements.txt']
    );
    // To update it: npm run testbed -- requirements
    expect(readFileSync(written, 'utf8')).toBe(currentRequirements('bookworm'));
    expect(currentRequirements('bookworm')).toContain('pyspark==4.3.0');
  });
});
