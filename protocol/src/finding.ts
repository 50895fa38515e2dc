import { z } from 'zod';
import { Evidence } from './evidence.js';
import { Shape } from './shape.js';

/** The codes of all findings; docs/findings.md explains them. */
export const FindingCode = z
  .enum([
    'executor-oom-killed',
    'executor-heap-oom',
    'executor-lost',
    'executor-heartbeat-timeout',
    'executor-evicted',
    'executor-preempted',
    'too-many-executor-failures',
    'python-worker-died',
    'driver-oom-killed',
    'driver-heap-oom',
    'kernel-oom-killed',
    'task-failed',
    'task-retries',
    'stage-recomputed',
    'shuffle-fetch-failed',
    'result-too-large',
    'broadcast-too-large',
    'disk-full',
    'cluster-pending',
    'mount-failed',
    'share-unavailable',
    'image-failed',
    'spill',
    'gc-pressure',
    'skew',
    'cache-partial',
    'cache-lost',
    'small-partitions',
    'large-partitions',
    'small-files',
    'nondeterministic-retry-risk',
    'session-lost',
    'application-incomplete'
  ])
  .meta({ id: 'FindingCode' });
export type FindingCode = z.infer<typeof FindingCode>;

export const Severity = z.enum(['error', 'warning', 'info']).meta({
  id: 'Severity',
  description:
    'error: work was lost or failed; warning: work succeeded but was affected, or will fail with more data'
});
export type Severity = z.infer<typeof Severity>;

export const Confidence = z.enum(['certain', 'likely', 'possible']).meta({
  id: 'Confidence',
  description:
    'certain: directly observed; likely: the only known cause that fits; possible: one of several causes'
});
export type Confidence = z.infer<typeof Confidence>;

export const StageAttempt = z.strictObject({
  id: z.number().int(),
  attempt: z.number().int()
});
export type StageAttempt = z.infer<typeof StageAttempt>;

/** What a finding is about; only the applicable parts. */
export const Subject = z
  .strictObject({
    application: z.string().optional(),
    cell: z.string().optional().describe('Id of the affected notebook cell'),
    run: z.number().int().optional().describe('Which run of that cell (its execution count)'),
    jobs: z.array(z.number().int()).optional(),
    stages: z.array(StageAttempt).optional(),
    executors: z.array(z.string()).optional(),
    pod: z.string().optional()
  })
  .meta({ id: 'Subject' });
export type Subject = z.infer<typeof Subject>;

/**
 * The cost of an incident: for failures, the superseded attempts; for slow work, the additional time
 * (docs/findings.md has the formulas).
 */
export const Cost = z
  .strictObject({
    taskMs: z.number().describe('Executor time of superseded attempts, ms'),
    recomputedTasks: z.number().int().describe('Tasks that ran more than once because of it'),
    wallMs: z.number().describe('Time by which the job was delayed, ms'),
    estimated: z
      .literal(true)
      .optional()
      .describe('Not measured: computed from amounts and a typical speed')
  })
  .meta({ id: 'Cost' });
export type Cost = z.infer<typeof Cost>;

/** A recommendation: an action that a program can take, and a sentence for users. */
export const Advice = z
  .discriminatedUnion('action', [
    z.strictObject({
      action: z.literal('resize'),
      shape: Shape.partial(),
      sentence: z.string()
    }),
    z.strictObject({
      action: z.literal('set'),
      conf: z.record(z.string(), z.string()),
      sentence: z.string()
    }),
    z.strictObject({
      action: z.literal('notebook-memory'),
      memoryMiB: z.number().int().describe('Limit of the pod in which the notebook runs, MiB'),
      sentence: z.string()
    }),
    z.strictObject({ action: z.literal('code'), hint: z.string(), sentence: z.string() })
  ])
  .meta({ id: 'Advice' });
export type Advice = z.infer<typeof Advice>;

/** A conclusion of the diagnosis from evidence. One incident is one finding. */
export const Finding = z
  .strictObject({
    id: z.string().describe('Stable within an application: an incident keeps its id'),
    code: FindingCode,
    severity: Severity,
    confidence: Confidence,
    title: z.string().describe('One line'),
    explanation: z.string().describe('Two or three sentences with figures'),
    subject: Subject,
    evidence: z.array(Evidence),
    effects: z.array(z.string()).describe('The effects, in causal order'),
    cost: Cost.optional(),
    advice: z.array(Advice),
    firstSeen: z.number().int().describe('ms since the epoch'),
    lastSeen: z.number().int().describe('ms since the epoch'),
    count: z.number().int().min(1).describe('Number of occurrences in this incident')
  })
  .meta({ id: 'Finding' });
export type Finding = z.infer<typeof Finding>;
