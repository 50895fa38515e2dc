import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseSeconds } from '../application/spark-conf.js';
import { larger } from '../eventlog/task-metrics.js';
import { moreHeap } from './memory-advice.js';
import { effectsOf, finding } from './build-finding.js';
import type { Incident } from './executor-incidents.js';
import { bystanders, diedWith, evidenceOf, hasFetch, listed, number, surest } from './executor-oom-killed.js';
import { capital, inOrder, named } from './format.js';

/** What each kind of loss is called in a title, for one and for many. */
const TITLES = {
  'executor-lost': ['was lost', 'were lost'],
  'executor-heartbeat-timeout': ['stopped answering', 'stopped answering'],
  'executor-evicted': ['was evicted from its node', 'were evicted from their nodes'],
  'executor-preempted': [
    'was pushed out for work of higher priority',
    'were pushed out for work of higher priority'
  ]
} as const;

/** Executors that vanished for a reason that is not memory, with work on them. */
export function executorGone(app: Application, incident: Incident): Finding {
  const { losses, setbacks, scope } = incident;
  const code = incident.code as keyof typeof TITLES;
  const ids = inOrder(losses.map(loss => loss.executor.id));
  const best = surest(losses);
  const one = ids.length === 1;
  const subject = one ? named('executor', ids) : `${ids.length} executors (${listed(ids)})`;
  const guess = best.confidence === 'possible' && code === 'executor-heartbeat-timeout';
  return finding(app, {
    code,
    scope,
    confidence: best.confidence,
    title:
      `${one ? capital(named('executor', ids)) : `${ids.length} executors`} ` +
      `${guess ? 'probably ' : ''}${TITLES[code][one ? 0 : 1]}`,
    what: `${subject} ${number(best.what, ids.length)}`,
    setbacks,
    executors: ids,
    evidence: evidenceOf(incident),
    effects: [...effectsOf(setbacks), ...bystanders(app, incident)],
    advice: adviceFor(app, incident, best.what),
    count: ids.length,
    failed: text => diedWith(text, ids) || (hasFetch(incident) && /FetchFailed/.test(text)),
    seen: losses.map(loss => loss.at)
  });
}

function adviceFor(app: Application, { code, losses }: Incident, what: string): Advice[] {
  if (code === 'executor-heartbeat-timeout') {
    const peak = losses.map(({ executor }) => executor.memory.peak.heapMiB).reduce(larger, null);
    const full = peak !== null && peak > 0.8 * app.granted.heapMiB;
    return [...(full ? [moreHeap(app.granted, peak)] : []), patience(app)];
  }
  if (code === 'executor-evicted') return moreScratch(app, what) ?? [runAgain('evicted')];
  return [runAgain(code === 'executor-preempted' ? 'preempted' : 'run-again')];
}

/** Spark waits spark.network.timeout (120 s) for a heartbeat; twice as long bears one long pause. */
function patience(app: Application): Advice {
  const now = parseSeconds(app.conf['spark.network.timeout']) ?? 120;
  return {
    action: 'set',
    conf: { 'spark.network.timeout': `${2 * now}s` },
    sentence:
      `If the tasks are healthy and only pause long, let Spark wait ${2 * now} s in place of ${now} s ` +
      `(spark.network.timeout).`
  };
}

/**
 * Scratch space met its own limit by the kubelet's words: twice of it is the next step. Null where it was the node that
 * ran short.
 */
function moreScratch(app: Application, what: string): Advice[] | null {
  const limit = /limit(?: of containers)? "?([\d.]+)([KMGT]i)"?/.exec(what);
  if (!limit) return null;
  const size = `${2 * Number(limit[1])}${limit[2]}`;
  const volume = /volume "(spark-local-dir-[^"]+)"/.exec(what)?.[1];
  const instead = `${size} of scratch space in place of ${limit[1]}${limit[2]}`;
  const less: Advice = {
    action: 'code',
    hint: 'write-less',
    sentence:
      'Let each task write less: filter first and keep fewer columns before the shuffle, then run the cell again.'
  };
  const key = `spark.kubernetes.executor.volumes.emptyDir.${volume}.options.sizeLimit`;
  // Spark makes volumes of this name itself, of the size that this property gives, unless a template has one.
  const isTemplates =
    app.conf['spark.kubernetes.executor.podTemplateFile'] !== undefined &&
    app.conf[key] === undefined;
  if (volume !== undefined && !isTemplates) {
    const sentence = `Give each executor ${instead}.`;
    return [{ action: 'set', conf: { [key]: size }, sentence }, less];
  }
  const sentence = `Or have the people who run the platform give each executor ${instead}.`;
  return [less, { action: 'code', hint: 'scratch-space', sentence }];
}

function runAgain(hint: string): Advice {
  const sentences: Record<string, string> = {
    evicted:
      'The node was short of something, not your code wrong. Run the cell again; if it comes back, ask for the resources that the evidence names.',
    preempted:
      'Nothing in your code caused this. Run the cell again; it goes through when the cluster has room for your priority.'
  };
  return {
    action: 'code',
    hint,
    sentence:
      sentences[hint] ??
      'Nothing in your code caused this by what is known. Run the cell again; if it comes back, show the evidence to the people who run the platform.'
  };
}
