import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.js';

describe('The configuration', () => {
  it('has defaults for everything', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 0,
      databaseUrl: null,
      idleMs: 3_600_000
    });
    expect(config.stateDirectory.startsWith(config.dataDirectory)).toBe(true);
  });

  it('keeps clusters running when one of several servers ends, otherwise stops them with it', () => {
    const kubernetes = { AGLAIS_LAUNCHER: 'kubernetes', AGLAIS_KUBERNETES: 'kubernetes.yaml' };
    const several = { ...kubernetes, AGLAIS_DATABASE: 'postgresql://localhost/aglais' };
    expect(readConfig({})).toMatchObject({ mayHaveReplicas: false, stopClustersOnExit: true });
    expect(readConfig(kubernetes)).toMatchObject({
      mayHaveReplicas: false,
      stopClustersOnExit: true
    });
    expect(readConfig(several)).toMatchObject({ mayHaveReplicas: true, stopClustersOnExit: false });
    const asked = { ...several, AGLAIS_STOP_CLUSTERS_ON_EXIT: 'true' };
    expect(readConfig(asked).stopClustersOnExit).toBe(true);
  });

  it('is rejected with all errors, each with its name', () => {
    const wrong = {
      AGLAIS_PORT: '70000',
      AGLAIS_IDLE_MINUTES: '-1',
      AGLAIS_START_SECONDS: 'soon',
      AGLAIS_CGROUPS: 'perhaps',
      AGLAIS_MEMORY_MIB: '0',
      AGLAIS_LOG_LEVEL: 'loud'
    };
    for (const name of Object.keys(wrong)) {
      expect(() => readConfig(wrong)).toThrow(new RegExp(`nothing was started[^]*${name}`));
    }
  });

  it.each(['0.0.0.0', '192.168.1.1', '::', 'example.org'])(
    'never listens beyond loopback (%s)',
    host => {
      expect(() => readConfig({ AGLAIS_HOST: host })).toThrow(/AGLAIS_HOST/);
    }
  );

  it.each(['{', '[]', '{"driverMemoryMiB": 1}', '"small"'])('rejects the shape %s', text => {
    expect(() => readConfig({ AGLAIS_SHAPE: text })).toThrow(/AGLAIS_SHAPE/);
  });

  it('rejects a memory limit that is too small for Spark, with the required size', () => {
    expect(() => readConfig({ AGLAIS_MEMORY_MIB: '895' })).toThrow(/896[^]*AGLAIS_MEMORY_MIB/);
    expect(readConfig({ AGLAIS_MEMORY_MIB: '896' }).memoryMiB).toBe(896);
  });

  it('accepts minutes and seconds', () => {
    const config = readConfig({ AGLAIS_IDLE_MINUTES: '0.02', AGLAIS_START_SECONDS: '5' });
    expect(config).toMatchObject({ idleMs: 1_200, startDeadlineMs: 5_000 });
  });
});
