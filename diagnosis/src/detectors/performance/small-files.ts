import type { Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import { GOOD_PARTITION_BYTES, smallFilesCost } from '../../application/stage-costs.js';
import type { StageSummary } from '../../application/stage-summary.js';
import { formatBytes, formatCount, formatMiB, MIB, plural } from '../format.js';
import { layout } from './partition-layout.js';
import { settingMiB } from './spark-settings.js';
import { stageLabel } from './stage-label.js';

/** Opening files takes longer than reading them; see smallFilesCost. */
export function smallFiles(
  app: Application,
  scope: Scope,
  all: readonly StageSummary[]
): Finding | null {
  return layout(app, scope, all, {
    code: 'small-files',
    cost: smallFilesCost,
    estimated: true,
    words: (_, worst) => {
      const { files, bytes } = worst.files!;
      const total = bytes > 0 ? bytes : worst.inputBytes;
      const good = Math.max(1, Math.ceil(total / GOOD_PARTITION_BYTES));
      const pieces = settingMiB(
        worst,
        'spark.sql.files.maxPartitionBytes',
        GOOD_PARTITION_BYTES / MIB
      );
      return {
        title: `${formatCount(files)} files of ${formatBytes(total / files)} each: opening them takes longer than reading them`,
        what: `${stageLabel(worst)} read ${formatBytes(total)} from ${formatCount(files)} files, ${formatBytes(total / files)} each`,
        advice: [
          {
            action: 'code',
            hint: `write-files(${good})`,
            sentence: `Rewrite the table once as ${plural(good, 'file')} of up to 128 MiB, e.g. with df.repartition(${good}).write, and read that; Spark adds 4 MiB per file when it packs files into partitions of ${formatMiB(pieces)}.`
          }
        ]
      };
    }
  });
}
