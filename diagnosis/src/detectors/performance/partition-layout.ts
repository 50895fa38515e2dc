import type { Finding, FindingCode } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import { MIN_LOST_MS, type TimeLost } from '../../application/stage-costs.js';
import type { StageSummary } from '../../application/stage-summary.js';
import {
  buildSlowFinding,
  isSignificant,
  locationOfStages,
  sameInOtherStages,
  type SlowFindingInput,
  totalTimeLost
} from './build-slow-finding.js';

/** The partitioning is only worth changing for a larger share of the time than other losses. */
const MIN_SHARE = 0.1;

const MIN_LAYOUT_MS = 2000;

type Words = Pick<SlowFindingInput, 'title' | 'what' | 'advice'> & { more?: string[] };

export function layout(
  app: Application,
  scope: Scope,
  all: readonly StageSummary[],
  kind: {
    code: FindingCode;
    cost: (facts: StageSummary) => TimeLost;
    estimated: boolean;
    words: (app: Application, worst: StageSummary) => Words;
    effects?: (stages: readonly StageSummary[]) => string[];
  }
): Finding | null {
  const { cost } = kind;
  const stages = all
    .filter(facts => cost(facts).wallMs >= MIN_LOST_MS)
    .sort((a, b) => cost(b).wallMs - cost(a).wallMs || a.stage - b.stage);
  const worst = stages[0];
  if (!worst) return null;
  const lost = totalTimeLost(app, scope, stages.map(cost));
  if (!isSignificant(app, scope, lost.wallMs, MIN_SHARE, MIN_LAYOUT_MS)) return null;
  const { more = [], ...words } = kind.words(app, worst);
  return buildSlowFinding(app, {
    code: kind.code,
    scope,
    ...words,
    more: [...more, ...sameInOtherStages(stages)],
    lost,
    estimated: kind.estimated,
    ...locationOfStages(stages),
    effects: kind.effects?.(stages) ?? [],
    evidence: stages.slice(0, 3).flatMap(facts => {
      const task = facts.longest[0];
      const quote = `"Stage ID":${facts.stage},"Stage Attempt ID":${facts.attempt}`;
      return task ? { source: 'eventlog' as const, at: task.at, quote, ref: task.ref } : [];
    }),
    count: stages.reduce((sum, { tasks }) => sum + tasks, 0)
  });
}
