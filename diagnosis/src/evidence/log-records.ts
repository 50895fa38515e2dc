import { fields, text } from '../eventlog/json-fields.js';
import type { LogObservation, SparkProcess } from '../observation.js';
import { timeOf } from './kubernetes-pods.js';

/** Spark's log4j layouts, 2.x to 4.x: `26/11/20 23:41:05 WARN BlockManager: …`, and with ISO times. */
const HEAD =
  /^(\d{2}\/\d{2}\/\d{2} \d{2}:\d{2}:\d{2}|\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?)\s+(?:\[[^\]]*\]\s+)?(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s/;

/**
 * The lines of a log that matter; all others are dropped immediately. The messages are those of the JVM,
 * TaskSchedulerImpl, HeartbeatReceiver, ApplicationMaster, ExecutorPodsLifecycleManager, BroadcastExchangeExec,
 * DAGScheduler, the API server of Kubernetes, the operating system and Hadoop.
 */
const TELLING = [
  /java\.lang\.OutOfMemoryError/,
  /Initial job has not accepted any resources/,
  /no recent heartbeats|heartbeat timed out/i,
  /Max number of executor failures/,
  /No space left on device|DiskErrorException|Disk quota exceeded/,
  /Cannot broadcast the table|Could not execute broadcast in|Not enough memory to build and broadcast/,
  /with indeterminate output was failed/,
  /exceeded quota:/
];

const ID = String.raw`([\w.-]+)`;
/** Where an executor's log shows its id. */
const IS_EXECUTOR = [
  new RegExp(`\\bStarting executor ID ${ID} `),
  // A worker's log contains the commands of the executors that it launches; their own logs start with it.
  new RegExp(`^Spark Executor Command: .*"--executor-id" "${ID}"`)
];

/** An executor whose log does not show its id. */
const UNKNOWN = '?';
const LINE = 4000;
/** Maximum number of lines in a record: a stack trace with its causes. */
const RECORD_LINES = 400;
const QUOTE = 500;

/**
 * Reads the log of a driver or an executor line by line and keeps what matters. A record is a line that starts like a
 * line of log4j, and what follows it; the whole record is interpreted, because the driver's log quotes the errors of
 * its executors. The log itself shows whose it is.
 */
export class LogRecords {
  #who: SparkProcess;
  #record: string[] = [];
  #at: string | null = null;
  #line = 0;
  #telling = -1;
  readonly #ref: string;

  constructor(ref: string, who: SparkProcess = 'driver') {
    this.#ref = ref;
    this.#who = who;
  }

  /** Takes a line; returns the record that is now complete, if it matters. */
  push(line: string, number: number): LogObservation | null {
    const cut = line.length > LINE ? line.slice(0, LINE) : line;
    // `yarn logs` concatenates the logs of many containers.
    if (/^(?:Container: container_|LogType:|End of LogType)/.test(cut)) {
      const last = this.flush();
      if (cut.startsWith('Container:')) this.#who = 'driver';
      return last;
    }
    for (const pattern of IS_EXECUTOR) {
      const id = pattern.exec(cut)?.[1];
      if (id !== undefined && id !== 'driver') this.#who = { executor: id };
    }
    // The start of an executor's log may have been rotated away.
    if (this.#who === 'driver' && / (?:INFO|WARN|ERROR) \w*ExecutorBackend: /.test(cut)) {
      this.#who = { executor: UNKNOWN };
    }
    const json = cut.startsWith('{"') ? structured(line) : null;
    const head = json ? null : HEAD.exec(cut);
    const alone = json !== null || head !== null || isOutside(cut);
    const done = alone ? this.flush() : null;
    if (alone || this.#record.length === 0) this.#line = number;
    if (json) this.#at = json.at;
    else if (head) this.#at = head[1]!;
    const kept = json ? json.text : cut;
    if (this.#record.length < RECORD_LINES) {
      if (this.#telling < 0 && TELLING.some(pattern => pattern.test(kept))) {
        this.#telling = this.#record.length;
      }
      this.#record.push(kept);
    }
    return done;
  }

  /** Whether the last record matters; it may still grow. */
  get hasFinding(): boolean {
    return this.#telling >= 0;
  }

  /** The last record, at the end of the log. */
  flush(): LogObservation | null {
    const record = this.#record;
    const telling = this.#telling;
    const observation: LogObservation | null =
      telling < 0
        ? null
        : {
            kind: 'log',
            who: this.#who,
            at: timeWithZone(this.#at),
            text: record[telling]!.trim().slice(0, QUOTE),
            ref: `${this.#ref}:${this.#line + telling}`
          };
    this.#record = [];
    this.#telling = -1;
    this.#at = null;
    // A quoted task failure is not the driver's own; the event log has it.
    return observation && !isQuotation(record, this.#who) ? observation : null;
  }
}

/** All signals of a log. */
export function* readLog(
  content: string,
  ref: string,
  who?: SparkProcess
): Generator<LogObservation> {
  const records = new LogRecords(ref, who);
  let number = 0;
  for (const line of content.split(/\r?\n/)) {
    const record = records.push(line, (number += 1));
    if (record) yield record;
  }
  const last = records.flush();
  if (last) yield last;
}

/** Lines that the JVM writes without log4j: they do not belong to the previous record. */
function isOutside(line: string): boolean {
  return /^(?:Exception in thread|# |Dumping heap to|Aborting due to|Terminating due to)/.test(
    line
  );
}

/** Messages about the failure of a task or a job in another process. */
function isQuotation(record: readonly string[], who: SparkProcess): boolean {
  if (who !== 'driver') return false;
  const all = record.join('\n');
  if (!/OutOfMemoryError|No space left|DiskErrorException|Disk quota/.test(all)) return false;
  return (
    /\b(?:TaskSetManager|DAGScheduler|TaskSchedulerImpl|Executor)\b:? /.test(record[0]!) ||
    /Job aborted due to stage failure|Lost task \d|ExecutorLostFailure|Executor task launch worker/.test(
      all
    )
  );
}

/** Spark 4's structured logging: one JSON object per line. */
function structured(line: string): { at: string | null; text: string } | null {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return null;
  }
  const it = fields(json);
  const message = it && text(it, 'msg');
  if (!it || message === null) return null;
  const exception = fields(it['exception']) ?? {};
  const thrown = [text(exception, 'class'), text(exception, 'msg')].filter(Boolean).join(': ');
  const logger = text(it, 'logger') ?? '';
  return { at: text(it, 'ts'), text: `${logger} ${message} ${thrown}`.trim().slice(0, LINE) };
}

/** Spark's own layout has no time zone: no time is better than a wrong one. */
function timeWithZone(time: string | null): number | null {
  return time !== null && /(?:Z|[+-]\d{2}:?\d{2})$/.test(time)
    ? timeOf(time.replace(' ', 'T').replace(',', '.'))
    : null;
}
