import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ResizeAnswer, Shape } from '@aglais/protocol';
import type { ProblemError } from '../../src/problems.js';
import { openResizeSetting, type ResizeSetting } from '../support/resize-setting.js';
import { eventually, SMALL } from '../support/server.js';
import type { Call, Refusal } from '../support/kubernetes-stand-in.js';

const LARGER: Shape = { ...SMALL, executorOverheadMiB: 512 };
const MORE: Shape = { ...LARGER, executors: { min: 2, max: 2 } };
const SOON_MS = 10_000;

const QUOTA: Refusal = {
  code: 403,
  reason: 'Forbidden',
  message:
    'pods "aglais-a-exec-1" is forbidden: exceeded quota: memory, requested: limits.memory=256Mi, used: limits.memory=2Gi, limited: limits.memory=2Gi'
};
const LIMIT_RANGE: Refusal = {
  code: 422,
  reason: 'Invalid',
  message:
    'Pod "aglais-a-exec-1" is invalid: maximum memory usage per Container is 800Mi, but limit is 1Gi'
};
const AWAY: Refusal = { code: 503, message: 'etcdserver: leader changed' };

const isResize = ({ path }: Call) => path.endsWith('/resize');

describe('A resize that the API server refuses', () => {
  let setting: ResizeSetting;
  let id: string;

  beforeEach(async () => {
    setting = await openResizeSetting();
    id = await setting.ready('a');
  });
  afterEach(() => setting.close());

  const resize = (shape: Shape): Promise<ResizeAnswer> => setting.clusters.resize(id, shape);
  const refused = async (shape: Shape): Promise<ProblemError> =>
    resize(shape).then(
      () => Promise.reject(new Error('the size was accepted')),
      (error: unknown) => error as ProblemError
    );
  const resizes = () => setting.pods.api.calls.filter(isResize).length;
  /** In all places: the database, the API, Kubernetes, and the driver. */
  const shapes = async () => ({
    row: await setting.shapeInDatabase(id),
    shown: setting.clusters.list().find(one => one.id === id)!.shape,
    noted: setting.notedShape(id),
    executors: setting.executorLimits(id),
    count: await setting.desiredExecutors(id)
  });
  const warnings = () => setting.clusters.list().find(one => one.id === id)!.warnings;

  it.each([
    ['a quota', QUOTA, /exceeded quota/, /quota/],
    ['a LimitRange', LIMIT_RANGE, /maximum memory usage per Container/, /LimitRange/]
  ])(
    'because of %s is reported in the response and in the panel, and changes nothing',
    async (_what, refusal, words, advice) => {
      setting.pods.api.refuse = call => (isResize(call) ? refusal : null);
      const problem = await refused(LARGER);
      expect(problem).toMatchObject({ status: 409, kind: 'resize-refused' });
      expect(problem.message).toMatch(words);
      expect(problem.message).toMatch(advice);
      expect(problem.message).toMatch(/Nothing was changed/);
      expect(await shapes()).toEqual({
        ...{ row: SMALL, shown: SMALL, noted: SMALL },
        ...{ executors: ['768Mi', '768Mi'], count: null }
      });
      await eventually('the warning', () => warnings().some(one => words.test(one)), SOON_MS);
    }
  );

  it('is not tried again by itself', async () => {
    setting.pods.api.refuse = call => (isResize(call) ? QUOTA : null);
    await refused(LARGER);
    const asked = resizes();
    // The launcher looks for executors below their limit each second.
    await setting.sweeps(3);
    expect(resizes()).toBe(asked);
    expect(asked).toBe(2);
  });

  it('takes back what was granted of it: executors that had their new limit, and their number', async () => {
    setting.pods.api.refuse = call =>
      isResize(call) && call.path.includes('exec-2') && setting.asksFor(call, 1_024) ? QUOTA : null;
    expect((await refused(MORE)).message).toMatch(/exceeded quota/);
    expect(await shapes()).toEqual({
      ...{ row: SMALL, shown: SMALL, noted: SMALL },
      ...{ executors: ['768Mi', '768Mi'], count: '1' }
    });
    await setting.sweeps(2);
    expect(setting.executorLimits(id)).toEqual(['768Mi', '768Mi']);
  });

  it('can be asked for again, and its warning is gone once it is granted', async () => {
    setting.pods.api.refuse = call => (isResize(call) ? QUOTA : null);
    await refused(LARGER);
    await eventually('the warning', () => warnings().length === 1, SOON_MS);
    setting.pods.api.refuse = () => null;
    expect(await resize(LARGER)).toMatchObject({ shape: LARGER, lost: null });
    expect(await shapes()).toMatchObject({
      ...{ row: LARGER, shown: LARGER, noted: LARGER },
      executors: ['1024Mi', '1024Mi']
    });
    await eventually('no warning', () => warnings().length === 0, SOON_MS);
  });

  it.each(['the limits', 'the note of the shape'])(
    'twice with 503 at %s is granted at the third attempt',
    async what => {
      let failures = 0;
      setting.pods.api.refuse = call => {
        const isIt = what === 'the limits' ? isResize(call) : setting.isNote(call);
        return isIt && ++failures <= 2 ? AWAY : null;
      };
      expect(await resize(LARGER)).toMatchObject({ shape: LARGER, lost: null });
      expect(await shapes()).toMatchObject({ noted: LARGER, executors: ['1024Mi', '1024Mi'] });
      expect(warnings()).toEqual([]);
    }
  );

  it.each(['every change', 'the limits', 'the note of the shape'])(
    'with a permanent 503 at %s is retried a few times with back-off, then reported, and never tried again',
    async what => {
      setting.pods.api.refuse = call => {
        if (what === 'the limits') return isResize(call) ? AWAY : null;
        if (what === 'every change') return call.method === 'PATCH' ? AWAY : null;
        return setting.isNote(call) ? AWAY : null;
      };
      const began = performance.now();
      const problem = await refused(LARGER);
      expect(performance.now() - began).toBeGreaterThan(500);
      expect(problem).toMatchObject({ status: 409, kind: 'resize-refused' });
      expect(problem.message).toMatch(/leader changed.*Nothing was changed.*try again/i);
      expect(problem.message).not.toMatch(/quota/);
      const asked = setting.pods.api.calls.filter(({ method }) => method === 'PATCH').length;
      expect(asked).toBeLessThan(25);
      setting.pods.api.refuse = () => null;
      await setting.sweeps(2);
      expect(await shapes()).toEqual({
        ...{ row: SMALL, shown: SMALL, noted: SMALL },
        ...{ executors: ['768Mi', '768Mi'], count: null }
      });
    }
  );

  it('of an executor that came later is said in the panel, and given up', async () => {
    await resize(LARGER);
    setting.pods.api.refuse = call => (isResize(call) ? QUOTA : null);
    setting.addExecutor(id, 3);
    await eventually(
      'the warning',
      () => warnings().some(one => /1 of 3 executors.*exceeded quota/.test(one)),
      SOON_MS
    );
    const asked = resizes();
    await setting.sweeps(3);
    expect(resizes()).toBe(asked);
    // With the executor goes what there was to say of it.
    setting.removeExecutor(id, 3);
    await eventually('no warning', () => warnings().length === 0, SOON_MS);
  });
});

describe('A shape that was requested from an earlier server and not applied', () => {
  let setting: ResizeSetting;
  let id: string;

  beforeEach(async () => {
    setting = await openResizeSetting();
    id = await setting.ready('a');
    await setting.setDesiredShape(id, LARGER);
  });
  afterEach(() => setting.close());

  const shown = () => setting.clusters.list().find(one => one.id === id)!;

  it('is given up when it is refused: the notebook sees its old size, and why', async () => {
    setting.pods.api.refuse = call => (isResize(call) ? QUOTA : null);
    await setting.restartServer();
    await eventually('the warning', () => shown().warnings[0], SOON_MS);
    expect(shown().warnings[0]).toMatch(/exceeded quota/);
    expect(shown().shape).toEqual(SMALL);
    expect(await setting.shapeInDatabase(id)).toEqual(SMALL);
    expect(setting.executorLimits(id)).toEqual(['768Mi', '768Mi']);
  });

  it('is brought about although the API server fails twice', async () => {
    let failures = 0;
    setting.pods.api.refuse = call => (isResize(call) && ++failures <= 2 ? AWAY : null);
    await setting.restartServer();
    await eventually('the limits', () => setting.executorLimits(id)[0] === '1024Mi', SOON_MS);
    await eventually('the note', () => setting.notedShape(id).executorOverheadMiB === 512, SOON_MS);
    expect(shown()).toMatchObject({ shape: LARGER, warnings: [] });
  });

  it('that no running Spark can take is given up, too', async () => {
    await setting.setDesiredShape(id, { ...SMALL, executorCores: 2 });
    await setting.restartServer();
    await eventually('the old size', () => shown().shape.executorCores === 1, SOON_MS);
    expect(await setting.shapeInDatabase(id)).toEqual(SMALL);
  });
});
