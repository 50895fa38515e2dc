import { fields, list, number, strings, text, type Fields } from '../eventlog/json-fields.js';
import type {
  ContainerEnd,
  PodEventObservation,
  PodObservation,
  StatusReason
} from '../observation.js';

/** The labels that Spark sets on its pods (its `Constants` of Kubernetes). */
const ROLE = 'spark-role';
const EXECUTOR = 'spark-exec-id';
const APPLICATION = 'spark-app-selector';

const BINARY: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };
const DECIMAL: Record<string, number> = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, m: 1e-3 };

/** Reads a pod as `kubectl get pods -o json` or the API returns it; null if it has no name. */
export function readPod(pod: Fields, ref: string): PodObservation | null {
  const metadata = fields(pod['metadata']) ?? {};
  const name = text(metadata, 'name');
  if (name === null) return null;
  const labels = strings(metadata['labels']);
  const spec = fields(pod['spec']) ?? {};
  const status = fields(pod['status']) ?? {};
  const conditions = objects(status, 'conditions');
  const containers = objects(status, 'containerStatuses');
  const main = mainOf(objects(spec, 'containers'), containers);
  const own = (one: Fields): boolean => text(one, 'name') === main;
  const all = [...objects(status, 'initContainerStatuses'), ...containers];
  const ran = containers.some(one => own(one) && hasRun(one));
  return {
    kind: 'pod',
    name,
    uid: text(metadata, 'uid') ?? '',
    role: roleOf(labels),
    executor: labels[EXECUTOR] ?? null,
    application: labels[APPLICATION] ?? null,
    version: Number(text(metadata, 'resourceVersion') ?? 0) || 0,
    deletedAt: deletionOf(metadata),
    scheduled: text(spec, 'nodeName') !== null || isTrue(conditions, 'PodScheduled'),
    ran,
    ends: containers.filter(own).flatMap(endsOf),
    waiting: ran ? null : waitingOf(all),
    unschedulable: unschedulableOf(conditions),
    disrupted: disruptionOf(status, conditions),
    limitMiB: memoryOf(spec, status, main, 'limits'),
    requestMiB: memoryOf(spec, status, main, 'requests'),
    node: text(spec, 'nodeName'),
    ref
  };
}

/** Reads an Event (`v1` or `events.k8s.io/v1`) about a pod; null if it is about something else. */
export function readPodEvent(event: Fields, ref: string): PodEventObservation | null {
  const about = fields(event['involvedObject']) ?? fields(event['regarding']);
  const name = about && text(about, 'name');
  if (!about || name === null || text(about, 'kind') !== 'Pod') return null;
  const series = fields(event['series']);
  const metadata = fields(event['metadata']) ?? {};
  const times = [
    text(event, 'lastTimestamp'),
    text(event, 'deprecatedLastTimestamp'),
    series && text(series, 'lastObservedTime'),
    text(event, 'eventTime'),
    text(metadata, 'creationTimestamp')
  ];
  return {
    kind: 'pod-event',
    name,
    uid: text(about, 'uid') ?? '',
    reason: text(event, 'reason') ?? '',
    message: (text(event, 'message') ?? text(event, 'note') ?? '').slice(0, QUOTE),
    at: times.map(timeOf).find(time => time !== null) ?? null,
    count: number(event, 'count') ?? number(event, 'deprecatedCount') ?? 1,
    ref
  };
}

const QUOTE = 1000;

/** A time of the API (RFC 3339) in ms; null if it is not one. */
export function timeOf(time: string | null): number | null {
  const ms = time === null ? NaN : Date.parse(time);
  return Number.isFinite(ms) ? ms : null;
}

/** A Kubernetes quantity (`812Mi`, `1G`, `1073741824`, `128974848000m`) in MiB. */
export function quantityMiB(quantity: string | null): number | null {
  const match = /^(\d+(?:\.\d+)?)(?:e(\d+))?([KMGT]i|[kMGTm])?$/.exec(quantity ?? '');
  if (!match) return null;
  const unit = match[3] ?? '';
  const bytes =
    Number(match[1]) * 10 ** Number(match[2] ?? 0) * (BINARY[unit] ?? DECIMAL[unit] ?? 1);
  return bytes / 2 ** 20;
}

/** A notebook server is recognized by the labels of JupyterHub, Kubeflow and Enterprise Gateway. */
function roleOf(labels: Record<string, string>): PodObservation['role'] {
  if (labels[ROLE] === 'executor' || labels[EXECUTOR] !== undefined) return 'executor';
  if (labels[ROLE] === 'driver') return 'driver';
  const notebook =
    labels['component'] === 'singleuser-server' ||
    labels['app.kubernetes.io/component'] === 'singleuser-server' ||
    labels['notebook-name'] !== undefined ||
    labels['component'] === 'kernel';
  return notebook ? 'kernel' : null;
}

/** deletionTimestamp is the end of the grace period; the deletion was requested before it. */
function deletionOf(metadata: Fields): number | null {
  const over = timeOf(text(metadata, 'deletionTimestamp'));
  if (over === null) return null;
  return over - 1000 * (number(metadata, 'deletionGracePeriodSeconds') ?? 0);
}

function hasRun(container: Fields): boolean {
  const state = fields(container['state']) ?? {};
  const last = fields(container['lastState']) ?? {};
  const ended = fields(state['terminated']) ?? fields(last['terminated']);
  // A container that could not be started is also reported as terminated.
  return fields(state['running']) !== null || (ended !== null && !failedToStart(ended));
}

function failedToStart(ended: Fields): boolean {
  return /^(?:StartError|ContainerCannotRun)$/.test(text(ended, 'reason') ?? '');
}

function endsOf(container: Fields): ContainerEnd[] {
  return ['lastState', 'state'].flatMap(key => {
    const ended = fields((fields(container[key]) ?? {})['terminated']);
    const exitCode = ended && number(ended, 'exitCode');
    if (!ended || exitCode === null) return [];
    return [
      {
        container: text(container, 'name') ?? '',
        exitCode,
        reason: text(ended, 'reason'),
        message: text(ended, 'message')?.slice(0, QUOTE) ?? null,
        at: timeOf(text(ended, 'finishedAt'))
      }
    ];
  });
}

function waitingOf(containers: readonly Fields[]): StatusReason | null {
  for (const container of containers) {
    const state = fields(container['state']) ?? {};
    const ended = fields(state['terminated']);
    const said = fields(state['waiting']) ?? (ended && failedToStart(ended) ? ended : null);
    const reason = said && text(said, 'reason');
    if (said && reason !== null && reason !== 'ContainerCreating' && reason !== 'PodInitializing') {
      const at = timeOf(text(said, 'finishedAt'));
      return { reason, message: text(said, 'message')?.slice(0, QUOTE) ?? null, at };
    }
  }
  return null;
}

function unschedulableOf(conditions: readonly Fields[]): StatusReason | null {
  const condition = conditions.find(
    one => text(one, 'type') === 'PodScheduled' && text(one, 'status') === 'False'
  );
  return condition ? saidOf(condition, 'lastTransitionTime') : null;
}

function disruptionOf(status: Fields, conditions: readonly Fields[]): StatusReason | null {
  const target = conditions.find(
    one => text(one, 'type') === 'DisruptionTarget' && text(one, 'status') === 'True'
  );
  const condition = target ? saidOf(target, 'lastTransitionTime') : null;
  const reason = text(status, 'reason');
  // The pod's own reason is more specific, except that only the condition shows what preempted it.
  if (reason === null || /^Preempt/.test(condition?.reason ?? '')) return condition;
  const message = text(status, 'message')?.slice(0, QUOTE) ?? condition?.message ?? null;
  return { reason, message, at: condition?.at ?? endOfPod(status) };
}

function endOfPod(status: Fields): number | null {
  const ends = objects(status, 'containerStatuses').flatMap(endsOf);
  return ends.map(({ at }) => at).find(at => at !== null) ?? timeOf(text(status, 'startTime'));
}

function saidOf(condition: Fields, time: string): StatusReason {
  return {
    reason: text(condition, 'reason') ?? '',
    message: text(condition, 'message')?.slice(0, QUOTE) ?? null,
    at: timeOf(text(condition, time))
  };
}

/** Spark's container by its name, otherwise the first: the exit of a sidecar is not the executor's. */
function mainOf(specified: readonly Fields[], seen: readonly Fields[]): string | null {
  const names = [...specified, ...seen].map(one => text(one, 'name'));
  return names.find(name => /^spark-kubernetes-/.test(name ?? '')) ?? names[0] ?? null;
}

/** The actual limit (which can be changed in place), otherwise the requested one, MiB. */
function memoryOf(
  spec: Fields,
  status: Fields,
  container: string | null,
  key: 'limits' | 'requests'
): number | null {
  const all = [...objects(status, 'containerStatuses'), ...objects(spec, 'containers')];
  for (const one of all.filter(it => text(it, 'name') === container)) {
    const resources = fields(one['resources']) ?? {};
    const size = quantityMiB(text(fields(resources[key]) ?? {}, 'memory'));
    if (size !== null) return size;
  }
  return null;
}

function isTrue(conditions: readonly Fields[], type: string): boolean {
  return conditions.some(one => text(one, 'type') === type && text(one, 'status') === 'True');
}

function objects(it: Fields, key: string): Fields[] {
  return list(it, key)
    .map(fields)
    .filter(one => one !== null);
}
