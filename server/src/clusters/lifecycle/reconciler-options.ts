import type { Logger } from 'pino';
import type { FindingRows } from '../../findings/finding-rows.js';
import type { Tokens } from '../../identity/tokens.js';
import type { Launcher, SharePath } from '../../launchers/launcher.js';
import type { Journal } from '../../stream/journal.js';
import type { ClusterRows } from '../cluster-rows.js';
import type { RetentionPolicy } from '../retention.js';
import type { Deadlines } from './decide.js';
import type { LeaseHolder } from './lease-holder.js';
import type { RemoteClusters } from './remote-clusters.js';

export interface ReconcilerOptions {
  launcher: Launcher;
  rows: ClusterRows;
  findings: FindingRows;
  journal: Journal;
  tokens: Tokens;
  /** Statements that register the tables of the shares, as currently declared. */
  catalogue: () => Promise<string[]>;
  /** Paths of the data of the available shares. */
  shares: () => Promise<SharePath[]>;
  deadlines: Deadlines;
  retention: RetentionPolicy;
  log: Logger;
  /** Missing: this is the only server. */
  leaseHolder?: LeaseHolder | null;
  /** Missing: this is the only server. */
  remoteClusters?: RemoteClusters | null;
}
