import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  KubernetesConfig,
  readKubernetesConfig
} from '../../src/launchers/kubernetes/kubernetes-config.js';
import { sharePath } from '../../src/launchers/kubernetes/objects/share-volumes.js';
import { temporaryDirectory } from '../support/server.js';

const directory = temporaryDirectory();
afterAll(directory.remove);

const configOf = (more: object = {}) => KubernetesConfig.parse({ image: { name: 'x' }, ...more });
const fileOf = (text: string) => {
  const path = join(directory.path, 'kubernetes.yaml');
  writeFileSync(path, text);
  return path;
};

describe('The Kubernetes configuration', () => {
  it('requires only an image', async () => {
    const config = await readKubernetesConfig(fileOf('image: { name: "aglais-spark:1" }'));
    expect(config).toMatchObject({ namespace: 'aglais', reach: 'pod', scratch: { kind: 'disk' } });
  });

  it('is rejected with all errors, each with its path', async () => {
    const wrong = 'image: { nme: x }\nscratch: { kind: tape }\nstopSeconds: 0';
    const refused = readKubernetesConfig(fileOf(wrong));
    await expect(refused).rejects.toThrow(/nothing was started/);
    for (const place of ['image', 'scratch', 'stopSeconds'])
      await expect(refused).rejects.toThrow(place);
    await expect(readKubernetesConfig('/nowhere/kubernetes.yaml')).rejects.toThrow(
      /AGLAIS_KUBERNETES/
    );
  });

  it.each(['/aglais', '/opt/data', '/', '/tmp/x', 'data'])('mounts no share at %s', mountPath => {
    const volumes = [{ name: 'v', mountPath, source: { claim: 'c' } }];
    expect(() => configOf({ volumes })).toThrow(/volumes|mountPath/);
  });
});

describe('Event logs in the configuration', () => {
  it('are stored on a volume or in a bucket, not both', () => {
    const volume = { claim: 'logs' };
    const bucket = { name: 'spark-logs' };
    expect(configOf({ eventLog: { volume } }).eventLog).toEqual({ volume });
    expect(configOf({ eventLog: { bucket } }).eventLog).toEqual({
      bucket: { ...bucket, prefix: '', region: 'us-east-1', pathStyle: true }
    });
    expect(() => configOf({ eventLog: { volume, bucket } })).toThrow(/eventLog/);
    expect(() => configOf({ eventLog: { bucket: { name: 'Not A Bucket' } } })).toThrow(/eventLog/);
  });

  it('leave the parts of a log in a bucket to the server', () => {
    const eventLog = { bucket: { name: 'spark-logs' } };
    const properties = { 'spark.eventLog.compress': 'true' };
    expect(() => configOf({ eventLog, properties })).toThrow(/spark\.eventLog\.compress/);
    const options = { big: { title: 'Big', properties } };
    expect(() => configOf({ eventLog, options })).toThrow(/spark\.eventLog\.compress/);
    expect(configOf({ properties }).properties).toEqual(properties);
  });
});

describe('The path of a share in pods', () => {
  const config = configOf({
    volumes: [{ name: 'data', mountPath: '/data', source: { claim: 'c' } }],
    sharePaths: { wise: 's3a://wise/v1' }
  });

  it('is on a volume, or in an object store', () => {
    expect(sharePath(config, { id: 'gaia', path: '${AGLAIS_DATA}/gaia' })).toEqual({
      path: '/data/gaia',
      problem: null
    });
    expect(sharePath(config, { id: 'wise', path: 'data/wise' }).path).toBe('s3a://wise/v1');
  });

  it('is a problem with a remedy if there is no volume', () => {
    for (const path of ['/elsewhere', '/database', 'data/gaia'])
      expect(sharePath(config, { id: 'gaia', path }).problem).toMatch(/"volumes".*"sharePaths"/);
  });
});
