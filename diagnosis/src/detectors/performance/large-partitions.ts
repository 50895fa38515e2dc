import type { Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import { bytesThrough, goodTasks, largeTasksCost } from '../../application/stage-costs.js';
import type { StageSummary } from '../../application/stage-summary.js';
import { formatBytes, formatDuration, plural } from '../format.js';
import { layout } from './partition-layout.js';
import { stageLabel } from './stage-label.js';

/** So few large tasks that slots were idle; see largeTasksCost. */
export function largePartitions(
  app: Application,
  scope: Scope,
  all: readonly StageSummary[]
): Finding | null {
  return layout(app, scope, all, {
    code: 'large-partitions',
    cost: largeTasksCost,
    estimated: false,
    effects: stages =>
      stages
        .filter(({ diskSpilled }) => diskSpilled > 0)
        .map(
          ({ stage, diskSpilled, spilledTasks }) =>
            `${plural(spilledTasks, 'task')} of stage ${stage} spilled ${formatBytes(diskSpilled)} to disk`
        ),
    words: (_, worst) => {
      const { tasks } = worst;
      const slots = worst.slots - worst.others;
      const parts = goodTasks(worst);
      const each = formatBytes(bytesThrough(worst) / tasks);
      return {
        title: `${tasks === 1 ? 'One task' : `Only ${tasks} tasks`} of ${each} for ${slots} slots`,
        what: `${stageLabel(worst)} had ${plural(tasks, 'task')} of ${each} each, and ${plural(slots - tasks, 'slot')} of ${slots} ${slots - tasks === 1 ? 'was' : 'were'} idle for ${formatDuration(worst.spanMs)}`,
        advice: [
          {
            action: 'code',
            hint: `repartition(${parts})`,
            sentence: `Use ${parts} partitions of ${formatBytes(bytesThrough(worst) / parts)}, e.g. df.repartition(${parts}) before that step instead of coalesce(); gzip text files cannot be split, so convert them to another format first.`
          }
        ]
      };
    }
  });
}
