import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  KubernetesPolicy,
  namespaceOf,
  readPolicy
} from '../../src/clusters/launchers/kubernetes/policy.js';
import { sharePath } from '../../src/clusters/launchers/kubernetes/shares.js';
import { temporaryDirectory } from '../support/server.js';

const directory = temporaryDirectory();
afterAll(directory.remove);

const policyOf = (more: object = {}) => KubernetesPolicy.parse({ image: { name: 'x' }, ...more });
const fileOf = (text: string) => {
  const path = join(directory.path, 'policy.yaml');
  writeFileSync(path, text);
  return path;
};

describe('The policy for Kubernetes', () => {
  it('needs no more than an image', async () => {
    const policy = await readPolicy(fileOf('image: { name: "aglais-spark:1" }'));
    expect(policy).toMatchObject({ namespace: 'aglais', reach: 'pod', scratch: { kind: 'disk' } });
  });

  it('is refused with all that is wrong, each by its place', async () => {
    const wrong = 'image: { nme: x }\nscratch: { kind: tape }\nstopSeconds: 0';
    const refused = readPolicy(fileOf(wrong));
    await expect(refused).rejects.toThrow(/nothing was started/);
    for (const place of ['image', 'scratch', 'stopSeconds'])
      await expect(refused).rejects.toThrow(place);
    await expect(readPolicy('/nowhere/policy.yaml')).rejects.toThrow(/AGLAIS_KUBERNETES/);
  });

  it.each(['/aglais', '/opt/data', '/', '/tmp/x', 'data'])('mounts no share at %s', mountPath => {
    const volumes = [{ name: 'v', mountPath, source: { claim: 'c' } }];
    expect(() => policyOf({ volumes })).toThrow(/volumes|mountPath/);
  });

  it('keeps users apart by namespaces if it says so', () => {
    const policy = policyOf({ namespace: 'aglais-{user}' });
    expect(namespaceOf(policy, 'ada')).toBe('aglais-ada');
    expect(namespaceOf(policy, 'Ada.Lovelace@example.org')).toMatch(
      /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/
    );
    const names = ['a.b', 'a-b', 'a_b', 'a@b', 'ab', 'a.b.'].map(user => namespaceOf(policy, user));
    expect(new Set(names).size).toBe(names.length);
    expect(namespaceOf(policyOf(), 'ada')).toBe('aglais');
  });
});

describe('Event logs in the policy', () => {
  it('go to a volume or to a bucket, not to both', () => {
    const volume = { claim: 'logs' };
    const bucket = { name: 'spark-logs' };
    expect(policyOf({ eventLog: { volume } }).eventLog).toEqual({ volume });
    expect(policyOf({ eventLog: { bucket } }).eventLog).toEqual({
      bucket: { ...bucket, prefix: '', region: 'us-east-1', pathStyle: true }
    });
    expect(() => policyOf({ eventLog: { volume, bucket } })).toThrow(/eventLog/);
    expect(() => policyOf({ eventLog: { bucket: { name: 'Not A Bucket' } } })).toThrow(/eventLog/);
  });

  it('leave it to the server how a log in a bucket is divided', () => {
    const eventLog = { bucket: { name: 'spark-logs' } };
    const properties = { 'spark.eventLog.compress': 'true' };
    expect(() => policyOf({ eventLog, properties })).toThrow(/spark\.eventLog\.compress/);
    const options = { big: { title: 'Big', properties } };
    expect(() => policyOf({ eventLog, options })).toThrow(/spark\.eventLog\.compress/);
    expect(policyOf({ properties }).properties).toEqual(properties);
  });
});

describe('The place of a share in pods', () => {
  const policy = policyOf({
    volumes: [{ name: 'data', mountPath: '/data', source: { claim: 'c' } }],
    sharePaths: { wise: 's3a://wise/v1' }
  });

  it('is below a volume, or in an object store', () => {
    expect(sharePath(policy, { id: 'gaia', path: '${AGLAIS_DATA}/gaia' })).toEqual({
      path: '/data/gaia',
      problem: null
    });
    expect(sharePath(policy, { id: 'wise', path: 'data/wise' }).path).toBe('s3a://wise/v1');
  });

  it('is a problem where no volume is, and what to do is said', () => {
    for (const path of ['/elsewhere', '/database', 'data/gaia'])
      expect(sharePath(policy, { id: 'gaia', path }).problem).toMatch(/"volumes".*"sharePaths"/);
  });
});
