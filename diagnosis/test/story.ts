import type { Observation } from '../src/index.js';

interface TaskOptions {
  executor: string;
  attempt?: number;
  /** Its duration, ms. */
  ms?: number;
  speculative?: boolean;
}

/** Writes the events of an application as the JSON that Spark would have logged. */
export class Story {
  now = 1_000_000;
  readonly observations: Observation[] = [];
  #task = 0;

  constructor(conf: Record<string, string> = {}) {
    this.event('SparkListenerLogStart', { 'Spark Version': '4.3.0' });
    this.event('SparkListenerApplicationStart', {
      'App ID': 'app-1',
      'App Name': 'story',
      Timestamp: this.now
    });
    this.event('SparkListenerEnvironmentUpdate', {
      'Spark Properties': { 'spark.master': 'local-cluster[2,1,1024]', ...conf }
    });
  }

  event(name: string, fields: object): this {
    this.observations.push({
      kind: 'event',
      event: { Event: name, ...fields },
      ref: `story:${this.observations.length + 1}`
    });
    return this;
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  executor(...ids: string[]): this {
    for (const id of ids) {
      this.event('SparkListenerExecutorAdded', {
        Timestamp: this.now,
        'Executor ID': id,
        'Executor Info': { Host: 'host', 'Total Cores': 2 }
      });
    }
    return this;
  }

  removed(executor: string, reason: string): this {
    return this.event('SparkListenerExecutorRemoved', {
      Timestamp: this.now,
      'Executor ID': executor,
      'Removed Reason': reason
    });
  }

  /** A job of a cell's run; stages are [id, tasks] and depend on the one before. */
  job(id: number, tag: string | null, ...stages: [id: number, tasks: number][]): this {
    return this.event('SparkListenerJobStart', {
      'Job ID': id,
      'Submission Time': this.now,
      'Stage Infos': stages.map(([stage, tasks], index) => ({
        'Stage ID': stage,
        'Stage Attempt ID': 0,
        'Stage Name': `stage ${stage}`,
        'Number of Tasks': tasks,
        'Parent IDs': index === 0 ? [] : [stages[index - 1]![0]]
      })),
      Properties: tag === null ? {} : { 'spark.job.tags': tag }
    });
  }

  jobEnd(id: number, failure?: string): this {
    return this.event('SparkListenerJobEnd', {
      'Job ID': id,
      'Completion Time': this.now,
      'Job Result':
        failure === undefined
          ? { Result: 'JobSucceeded' }
          : { Result: 'JobFailed', Exception: { Message: failure } }
    });
  }

  stage(id: number, tasks: number, attempt = 0, parents: number[] = []): this {
    return this.event('SparkListenerStageSubmitted', {
      'Stage Info': {
        'Stage ID': id,
        'Stage Attempt ID': attempt,
        'Stage Name': `stage ${id}`,
        'Number of Tasks': tasks,
        'Parent IDs': parents,
        'Submission Time': this.now
      }
    });
  }

  stageEnd(id: number, tasks: number, attempt = 0, failure?: string): this {
    return this.event('SparkListenerStageCompleted', {
      'Stage Info': {
        'Stage ID': id,
        'Stage Attempt ID': attempt,
        'Stage Name': `stage ${id}`,
        'Number of Tasks': tasks,
        'Completion Time': this.now,
        ...(failure !== undefined && { 'Failure Reason': failure })
      }
    });
  }

  /** Starts a task; the returned function ends it with a reason, after the time it runs. */
  start(stage: number, partition: number, options: TaskOptions): (reason?: object) => this {
    const { executor, attempt = 0, ms = 1000, speculative = false } = options;
    const info = {
      'Task ID': (this.#task += 1),
      Index: partition,
      'Partition ID': partition,
      'Launch Time': this.now,
      'Executor ID': executor,
      Speculative: speculative
    };
    const where = { 'Stage ID': stage, 'Stage Attempt ID': attempt };
    this.event('SparkListenerTaskStart', { ...where, 'Task Info': info });
    const end = info['Launch Time'] + ms;
    return (reason = { Reason: 'Success' }) => {
      this.now = Math.max(this.now, end);
      return this.event('SparkListenerTaskEnd', {
        ...where,
        'Task End Reason': reason,
        'Task Info': { ...info, 'Finish Time': end }
      });
    };
  }

  /** A task from start to end. */
  task(stage: number, partition: number, options: TaskOptions, reason?: object): this {
    return this.start(stage, partition, options)(reason);
  }

  end(): this {
    return this.event('SparkListenerApplicationEnd', { Timestamp: this.now });
  }
}

export const lost = (executor: string, reason: string): object => ({
  Reason: 'ExecutorLostFailure',
  'Executor ID': executor,
  'Exit Caused By App': true,
  'Loss Reason': reason
});

export const resubmitted = { Reason: 'Resubmitted' };

export const fetchFailed = (executor: string | null): object => ({
  Reason: 'FetchFailed',
  'Block Manager Address': executor === null ? null : { 'Executor ID': executor, Host: 'host' },
  Message: 'org.apache.spark.shuffle.FetchFailedException'
});

export const exception = (name: string, description: string, trace = ''): object => ({
  Reason: 'ExceptionFailure',
  'Class Name': name,
  Description: description,
  'Full Stack Trace': trace
});

export const pythonCrash = exception(
  'org.apache.spark.SparkException',
  'Python worker exited unexpectedly (crashed)'
);
export const heapFull = exception('java.lang.OutOfMemoryError', 'Java heap space');
export const killed = (reason: string): object => ({ Reason: 'TaskKilled', 'Kill Reason': reason });
