export type { CellState } from './application/scopes.js';
export { shortageClauses, neededClause, schedulerSentence } from './detectors/scheduler-message.js';
export { formatBytes, formatDuration, formatMiB, plural } from './detectors/format.js';
export { Diagnosis, type DrainedChanges } from './diagnosis.js';
export { growingBytes, type GrowingOptions } from './eventlog/growing-file.js';
export { Line, LineSplitter, START, type Position } from './eventlog/line-splitter.js';
export { parseEvent } from './eventlog/parse-event.js';
export { tail, type TailOptions } from './eventlog/tail.js';
export { readClientJson, readClientText } from './evidence/client-exceptions.js';
export {
  observeEvidence,
  detectEvidenceKind,
  type EvidenceKind
} from './evidence/read-evidence.js';
export { LogRecords } from './evidence/log-records.js';
export { readObservation } from './evidence/observation-lines.js';
export { quantityMiB, readPod, readPodEvent } from './evidence/kubernetes-pods.js';
export { diagnoseFiles, observeEvidenceLine, type EvidenceFiles } from './diagnose-files.js';
export { findLogs } from './logs/find-logs.js';
export { followLog, type FollowOptions } from './logs/follow-log.js';
export { STDIN, type LogPart, type LogSource } from './logs/log-source.js';
export { observeEventLine, observeLog } from './logs/observe-log.js';
export { readLog, type LogBatch, type ReadOptions } from './logs/read-log.js';
export * from './observation.js';
export { Problems, type Problem } from './reading-problems.js';
