import type { Logger } from 'pino';
import type { ClusterEvidence } from '../parts.js';

/** Stands where the evidence of pods will be until both are merged; nothing works with it. */
export class KubernetesEvidence implements ClusterEvidence {
  constructor(readonly options: { directory: string; log: Logger }) {}

  private missing(): never {
    throw new Error('The evidence of pods is not merged yet.');
  }

  pod = (): never => this.missing();
  event = (): never => this.missing();
  podRecorded = (): never => this.missing();
  mirror = (): never => this.missing();
  ready = (): never => this.missing();
  ended = (): never => this.missing();
  follow = (): never => this.missing();
  record = (): never => this.missing();
  forget = (): never => this.missing();
}
