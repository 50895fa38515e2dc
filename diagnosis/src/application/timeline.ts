import type { Timeline } from '@aglais/protocol';
import type { Job } from './jobs.js';

type JobSpan = Timeline['jobs'][number];
type StageSpan = Timeline['stages'][number];

/** Maximum number of entries; up to twice as many are buffered. */
const JOBS = 300;
const STAGES = 500;

/** Which ones to keep: failed ones first, then the longest and the latest, half each. */
function select<T extends { startedAt: number | null; endedAt: number | null }>(
  all: readonly T[],
  most: number,
  wrong: (one: T) => boolean
): T[] {
  if (all.length <= most) return [...all];
  const ms = (one: T): number => (one.endedAt ?? 0) - (one.startedAt ?? one.endedAt ?? 0);
  const kept = new Set(all.filter(wrong).slice(-most / 2));
  const newest = all.slice(-Math.ceil((most - kept.size) / 2));
  for (const one of newest) kept.add(one);
  for (const one of [...all].sort((a, b) => ms(b) - ms(a))) {
    if (kept.size >= most) break;
    kept.add(one);
  }
  return all.filter(one => kept.has(one));
}

/** Finished jobs and stages for the timeline; bounded, whatever the length of the log. */
export class TimelineHistory {
  #jobs: JobSpan[] = [];
  #stages: StageSpan[] = [];
  #jobsSeen = 0;
  #stagesSeen = 0;

  addJob(job: JobSpan): void {
    this.#jobsSeen += 1;
    this.#jobs.push(job);
    if (this.#jobs.length > 2 * JOBS) this.#jobs = select(this.#jobs, JOBS, isWrong);
  }

  addStage(stage: StageSpan): void {
    this.#stagesSeen += 1;
    this.#stages.push(stage);
    if (this.#stages.length > 2 * STAGES) this.#stages = select(this.#stages, STAGES, hasFailed);
  }

  jobs(running: readonly JobSpan[]): { jobs: JobSpan[]; omitted: number } {
    const jobs = [...select(this.#jobs, JOBS, isWrong), ...running];
    return { jobs, omitted: this.#jobsSeen + running.length - jobs.length };
  }

  stages(running: readonly StageSpan[]): { stages: StageSpan[]; omitted: number } {
    const stages = [...select(this.#stages, STAGES, hasFailed), ...running];
    return { stages, omitted: this.#stagesSeen + running.length - stages.length };
  }

  get size(): number {
    return this.#jobs.length + this.#stages.length;
  }
}

function isWrong(job: JobSpan): boolean {
  return job.result === 'failed';
}

function hasFailed(stage: StageSpan): boolean {
  return stage.failed;
}

/** A job of the timeline. */
export function jobSpan(job: Job): JobSpan {
  const { id, scope, description, startedAt, endedAt, result } = job;
  return { id, scope, description, startedAt, endedAt, result };
}

/** A readable description; Spark Connect uses the whole request text, which is not readable. */
export function plainDescription(description: string | null): string | null {
  if (description === null || /^Spark Connect - session_id/.test(description)) return null;
  const plain = description
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return plain === '' ? null : plain.slice(0, 200);
}
