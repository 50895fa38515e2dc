import type { Diagnosis } from '../diagnosis.js';
import { fields, strings, text, type Fields } from '../eventlog/json-fields.js';
import type { Observation } from '../observation.js';
import { readCgroupFiles } from './cgroup-files.js';
import { readClientJson, readClientText } from './client-exceptions.js';
import { readLog } from './log-records.js';
import { kubernetesObjects, objectsOf } from './json-objects.js';
import { observationOf, readObservation } from './observation-lines.js';
import { readPod, readPodEvent } from './kubernetes-pods.js';
import { readYarnJson, readYarnText } from './yarn-reports.js';

/** What a text is: a foreign format, or observations as JSON lines. */
export type EvidenceKind =
  'pods' | 'events' | 'yarn' | 'stderr' | 'client' | 'cgroup' | 'observations';

/**
 * Reads a text of evidence and passes all observations to the diagnosis. Never throws: what cannot be read is counted
 * as a problem with its line, and reading continues.
 * @param ref the source of the text, for example the name of the file; line numbers are appended after a colon
 */
export function observeEvidence(
  diagnosis: Diagnosis,
  kind: EvidenceKind,
  content: string,
  ref: string
): void {
  const observe = (observations: Iterable<Observation>): void => {
    for (const observation of observations) diagnosis.observe(observation);
  };
  switch (kind) {
    // `kubectl get pods,events` writes both into one list.
    case 'pods':
    case 'events':
      objects(diagnosis, content, ref, readKubernetes);
      return;
    case 'yarn':
      if (isJson(content)) objects(diagnosis, content, ref, readYarnJson);
      else observe(readYarnText(content, ref));
      return;
    case 'stderr':
      observe(readLog(content, ref));
      return;
    case 'client':
      if (isJson(content)) objects(diagnosis, content, ref, readClientJson);
      else observe(readClientText(content, ref));
      return;
    case 'cgroup':
      objects(diagnosis, content, ref, readCgroup);
      return;
    case 'observations':
      for (const [index, line] of content.split('\n').entries()) {
        if (line.trim() === '') continue;
        const observation = readObservation(line);
        if (typeof observation === 'string') diagnosis.report(`${ref}:${index + 1}`, observation);
        else diagnosis.observe(observation);
      }
      return;
  }
}

/** The most likely format of a text, by its start; null if unknown. */
export function detectEvidenceKind(content: string): EvidenceKind | null {
  const start = content.slice(0, 100_000);
  if (isJson(start)) return detectJsonKind(content);
  if (/^\s*(?:Application|Container) Report/m.test(start)) return 'yarn';
  if (/running beyond the? ?'?(?:physical|virtual)|Diagnostics ?: /i.test(start)) return 'yarn';
  if (
    /^Spark Executor Command: |^\d{2}\/\d{2}\/\d{2} \d{2}:\d{2}:\d{2} |^\d{4}-\d{2}-\d{2}[ T][\d:.,]+Z? +\[?\w/m.test(
      start
    )
  ) {
    return 'stderr';
  }
  if (/Traceback \(most recent call last\)|(?:Error|Exception)\b/.test(start)) return 'client';
  return null;
}

function detectJsonKind(content: string): EvidenceKind | null {
  for (const found of objectsOf(content)) {
    if ('problem' in found) continue;
    for (const object of kubernetesObjects(found.object)) {
      const kind = text(object, 'kind') ?? '';
      if (kind === 'Pod') return 'pods';
      if (kind === 'Event') return 'events';
      if (typeof observationOf(object) !== 'string') return 'observations';
      if (['app', 'apps', 'diagnostics'].some(key => key in object)) return 'yarn';
      if (Object.keys(object).some(key => key.startsWith('memory.'))) return 'cgroup';
      if (text(object, 'msg') !== null && text(object, 'level') !== null) return 'stderr';
      return 'cells' in object || readClientJson(object, '').length > 0 ? 'client' : null;
    }
  }
  return null;
}

function objects(
  diagnosis: Diagnosis,
  content: string,
  ref: string,
  read: (object: Fields, ref: string) => Iterable<Observation | string>
): void {
  for (const found of objectsOf(content)) {
    const place = `${ref}:${found.line}`;
    if ('problem' in found) {
      diagnosis.report(place, found.problem);
      continue;
    }
    for (const one of read(found.object, place)) {
      if (typeof one === 'string') diagnosis.report(place, one);
      else diagnosis.observe(one);
    }
  }
}

function* readKubernetes(object: Fields, ref: string): Generator<Observation | string> {
  for (const one of kubernetesObjects(object)) {
    const kind = text(one, 'kind');
    if (kind === 'Event') {
      const event = readPodEvent(one, ref);
      if (event) yield event;
    } else if (kind === 'Pod') {
      const pod = readPod(one, ref);
      yield pod ?? 'a pod without a name';
    } else if (kind === null && fields(one['metadata']) === null) {
      yield 'neither a pod nor an event of Kubernetes';
    }
  }
}

/** `{"memory.events": "…", …}`: the files of one cgroup, of the executor it names, otherwise of all executors. */
function* readCgroup(object: Fields, ref: string): Generator<Observation | string> {
  const at = object['at'];
  const reading = readCgroupFiles(
    strings(object),
    text(object, 'executor') ?? '*',
    typeof at === 'number' ? at : 0,
    ref
  );
  yield reading ?? 'no counters of a memory cgroup';
}

function isJson(content: string): boolean {
  return /^[\s\ufeff]*\{/.test(content);
}
