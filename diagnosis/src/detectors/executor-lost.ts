import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseSeconds } from '../application/spark-conf.js';
import { larger } from '../eventlog/task-metrics.js';
import { moreHeap } from './memory-advice.js';
import { effectsOf, buildFinding } from './build-finding.js';
import type { Incident } from './executor-incidents.js';
import { formatIds, conjugate } from './format.js';
import {
  bystanders,
  failedWithExecutor,
  evidenceOf,
  hasFetchFailures,
  mostCertain
} from './incident-details.js';
import { capitalize, sortIds, formatNames } from './format.js';

/** The title of each kind of loss, for one and for several executors. */
const TITLES = {
  'executor-lost': ['was lost', 'were lost'],
  'executor-heartbeat-timeout': ['stopped responding', 'stopped responding'],
  'executor-evicted': ['was evicted from its node', 'were evicted from their nodes'],
  'executor-preempted': ['was preempted', 'were preempted']
} as const;

/** Executors that were lost for a reason other than memory. */
export function executorLost(app: Application, incident: Incident): Finding {
  const { losses, lostWork, scope } = incident;
  const code = incident.code as keyof typeof TITLES;
  const ids = sortIds(losses.map(loss => loss.executor.id));
  const best = mostCertain(losses);
  const one = ids.length === 1;
  const subject = one
    ? formatNames('executor', ids)
    : `${ids.length} executors (${formatIds(ids)})`;
  const guess = best.confidence === 'possible' && code === 'executor-heartbeat-timeout';
  return buildFinding(app, {
    code,
    scope,
    confidence: best.confidence,
    title:
      `${one ? capitalize(formatNames('executor', ids)) : `${ids.length} executors`} ` +
      `${guess ? 'probably ' : ''}${TITLES[code][one ? 0 : 1]}`,
    what: `${subject} ${conjugate(best.what, ids.length)}`,
    lostWork,
    executors: ids,
    evidence: evidenceOf(incident),
    effects: [...effectsOf(lostWork), ...bystanders(app, incident)],
    advice: adviceFor(app, incident, best.what),
    count: ids.length,
    failed: text =>
      failedWithExecutor(text, ids) || (hasFetchFailures(incident) && /FetchFailed/.test(text)),
    seen: losses.map(loss => loss.at)
  });
}

function adviceFor(app: Application, { code, losses }: Incident, what: string): Advice[] {
  if (code === 'executor-heartbeat-timeout') {
    const peak = losses.map(({ executor }) => executor.memory.peak.heapMiB).reduce(larger, null);
    const full = peak !== null && peak > 0.8 * app.granted.heapMiB;
    return [...(full ? [moreHeap(app.granted, peak)] : []), raiseNetworkTimeout(app)];
  }
  if (code === 'executor-evicted') return raiseScratchLimit(app, what) ?? [runAgain('evicted')];
  return [runAgain(code === 'executor-preempted' ? 'preempted' : 'run-again')];
}

/** Spark waits for a heartbeat for spark.network.timeout (120 s); twice as long tolerates a long pause. */
function raiseNetworkTimeout(app: Application): Advice {
  const now = parseSeconds(app.conf['spark.network.timeout']) ?? 120;
  return {
    action: 'set',
    conf: { 'spark.network.timeout': `${2 * now}s` },
    sentence:
      `If the executors only pause for long (garbage collection), raise the timeout from ${now} s to ${2 * now} s ` +
      `(spark.network.timeout).`
  };
}

/**
 * According to the kubelet the scratch space reached its own limit: the next step is twice as much. Null if the node ran
 * short instead.
 */
function raiseScratchLimit(app: Application, what: string): Advice[] | null {
  const limit = /limit(?: of containers)? "?([\d.]+)([KMGT]i)"?/.exec(what);
  if (!limit) return null;
  const size = `${2 * Number(limit[1])}${limit[2]}`;
  const volume = /volume "(spark-local-dir-[^"]+)"/.exec(what)?.[1];
  const instead = `${size} of scratch space instead of ${limit[1]}${limit[2]}`;
  const less: Advice = {
    action: 'code',
    hint: 'write-less',
    sentence:
      'Write less per task: filter first and select fewer columns before the shuffle, then run the cell again.'
  };
  const key = `spark.kubernetes.executor.volumes.emptyDir.${volume}.options.sizeLimit`;
  // Spark creates volumes of this name with the size of this property, unless the pod template has one.
  const isTemplates =
    app.conf['spark.kubernetes.executor.podTemplateFile'] !== undefined &&
    app.conf[key] === undefined;
  if (volume !== undefined && !isTemplates) {
    const sentence = `Give each executor ${instead}.`;
    return [{ action: 'set', conf: { [key]: size }, sentence }, less];
  }
  const sentence = `Or ask your administrators to give each executor ${instead}.`;
  return [less, { action: 'code', hint: 'scratch-space', sentence }];
}

function runAgain(hint: string): Advice {
  const sentences: Record<string, string> = {
    evicted:
      'The node ran short of resources; your code did not cause this. Run the cell again; if it happens again, request the resources that the evidence names.',
    preempted:
      'Your code did not cause this. Run the cell again; it succeeds when the cluster has capacity for your priority.'
  };
  return {
    action: 'code',
    hint,
    sentence:
      sentences[hint] ??
      'As far as is known, your code did not cause this. Run the cell again; if it happens again, show the evidence to your administrators.'
  };
}
