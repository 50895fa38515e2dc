import { describe, expect, it } from '@jest/globals';
import { readYarnJson, readYarnText } from '../src/evidence/yarn-reports.js';
import { APPLICATION_STATUS } from './reader-samples.js';

describe('YARN', () => {
  it('reports the state and the complete diagnostics of an application', () => {
    const [report, ...others] = readYarnText(APPLICATION_STATUS, 'yarn.txt');
    expect(others).toEqual([]);
    expect(report).toMatchObject({
      application: 'application_1795216410438_0001',
      state: 'FAILED',
      at: 1795216464931,
      ref: 'yarn.txt:1'
    });
    expect(report!.diagnostics).toMatch(/exitCode: -104\n.*PHYSICAL.*Killing container\.$/);
  });

  it('logs ends of containers, and nothing else that matters', () => {
    const log = [
      '2026-11-20 23:14:03,001 INFO container.ContainerImpl: Container container_1795216410438_0001_01_000002 transitioned from RUNNING to KILLING',
      "2026-11-20 23:14:04,112 WARN monitor.ContainersMonitorImpl: Container [pid=77,containerID=container_1795216410438_0001_01_000002] is running beyond the 'PHYSICAL' memory limit. Current usage: 934.4 MB of 896 MB physical memory used"
    ].join('\n');
    expect(readYarnText(log, 'nm.log')).toMatchObject([
      {
        application: 'application_1795216410438_0001',
        container: 'container_1795216410438_0001_01_000002',
        ref: 'nm.log:2'
      }
    ]);
  });

  it('is read from the JSON of its REST API, too', () => {
    const app = {
      id: 'application_1_0001',
      state: 'FINISHED',
      finalStatus: 'FAILED',
      diagnostics: 'Max number of executor failures (4) reached',
      finishedTime: 17
    };
    const expected = { application: 'application_1_0001', state: 'FAILED', at: 17 };
    expect(readYarnJson({ app }, 'x')).toMatchObject([expected]);
    expect(readYarnJson({ apps: { app: [app, app] } }, 'x')).toHaveLength(2);
  });
});
