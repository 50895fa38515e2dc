export type { CellState } from './application/scopes.js';
export { duration, memory, plural } from './detectors/words.js';
export { Diagnosis, type DrainedChanges } from './diagnosis.js';
export { chunksOf, linesOf } from './eventlog/chunks.js';
export { LineSplitter, START, type Line, type Position } from './eventlog/lines.js';
export { tail, type TailOptions } from './eventlog/tail.js';
export {
  diagnoseFiles,
  observeEventLine,
  observeEvidenceLine,
  type EvidenceFiles
} from './files.js';
export { observeEvidence, recogniseEvidence, type EvidenceKind } from './evidence/evidence.js';
export { LogRecords } from './evidence/log-records.js';
export { readObservation } from './evidence/observations.js';
export { readPod, readPodEvent } from './evidence/pods.js';
export * from './observation.js';
export { Problems, type Problem } from './problem.js';
