import type { Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { DISK_FULL } from '../eventlog/task-outcome.js';
import { effectsOf, finding } from './draft.js';
import type { Incident } from './incidents.js';
import { bystanders, diedWith, evidenceOf, listed } from './memory.js';
import { inOrder, named, plural } from './words.js';

/** Tasks or executors that found no room on their scratch disks. */
export function diskFull(app: Application, incident: Incident): Finding {
  const { losses, setbacks, scope } = incident;
  const thrown = setbacks.filter(({ kind }) => kind === 'disk');
  const tasks = thrown.reduce((sum, { count }) => sum + count, 0);
  const ids = inOrder(
    new Set([
      ...losses.map(loss => loss.executor.id),
      ...thrown.flatMap(({ executor }) => executor ?? [])
    ])
  );
  const where = ids.length === 1 ? named('executor', ids) : `executors ${listed(ids)}`;
  return finding(app, {
    code: 'disk-full',
    scope,
    confidence: 'certain',
    title: `No space was left on the scratch disk of ${where}`,
    what:
      tasks > 0
        ? `${plural(tasks, 'task attempt')} found no space left on the scratch disk of ${where}${directoryOf(app)}`
        : `${where} went away because the disks of the node were full or broken`,
    more: [
      'Shuffles, sorts that do not fit in memory and cached tables all write there; it is emptied when the session ends.'
    ],
    setbacks,
    executors: ids,
    evidence: [...evidenceOf(incident), ...accountsOf(app)],
    effects: [
      ...(tasks > 0 ? [`${plural(tasks, 'task attempt')} failed with it`] : []),
      ...effectsOf(setbacks),
      ...bystanders(app, incident)
    ],
    advice: adviceOf(),
    count: Math.max(tasks, losses.length),
    failed: message => DISK_FULL.test(message) || diedWith(message, ids),
    seen: losses.map(loss => loss.at)
  });
}

/** Only logs say so: the driver's own disk, or a log of an executor whose tasks are not told of. */
export function diskFullByLogs(app: Application): Finding[] {
  const accounts = app.accounts.of('disk-full');
  if (accounts.length === 0) return [];
  const count = accounts.reduce((sum, account) => sum + account.count, 0);
  const ids = accounts.flatMap(({ who }) => (typeof who === 'object' ? [who.executor] : []));
  const where = ids.length === 0 ? 'the driver' : named('executor', inOrder(new Set(ids)));
  return [
    finding(app, {
      code: 'disk-full',
      scope: app.scopes.get(APPLICATION_SCOPE),
      confidence: 'certain',
      title: `No space was left on a disk of ${where}`,
      what: `${where} found no space left on a disk, by ${ids.length > 1 ? 'their logs' : 'its log'}`,
      setbacks: [],
      executors: ids,
      evidence: accountsOf(app),
      effects: [],
      advice: adviceOf(),
      count,
      failed: message => DISK_FULL.test(message),
      seen: accounts.flatMap(({ firstSeen, lastSeen }) => [firstSeen ?? [], lastSeen ?? []].flat()),
      severity: 'warning'
    })
  ];
}

function accountsOf(app: Application): Evidence[] {
  return app.accounts.of('disk-full').map(({ evidence }) => evidence);
}

/** Where Spark was told to put its scratch files, unless the cluster manager decides it. */
function directoryOf(app: Application): string {
  const directory = app.conf['spark.local.dir'];
  const managed = /^(?:k8s|yarn)/.test(app.conf['spark.master'] ?? '');
  return directory === undefined || managed ? '' : ` (${directory})`;
}

function adviceOf(): Finding['advice'] {
  return [
    {
      action: 'code',
      hint: 'write-less',
      sentence:
        'Write less at once: keep only the columns that you need before a join or sort, and unpersist tables that you do not need any more. More executors share the writing among more disks.'
    }
  ];
}
