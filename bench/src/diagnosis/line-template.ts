/** The position in the replayed application, from which the placeholders of a line are filled. */
export interface Moment {
  /** Number of replays of the query so far. */
  round: number;
  /** Number of stages of the query. */
  stages: number;
  /** ms since the start of the application. */
  clock: number;
  task: { id: number; index: number; from: number };
}

type Hole = (moment: Moment) => string | number;

export const TASKS_PER_STAGE = 500;
const START = 1_700_000_000_000;
/** Smaller numbers are kept; larger ones are measurements, which differ between tasks. */
const MEASURED = 1000;

/** A line of a real log with placeholders for ids, times and metrics. */
export class LineTemplate {
  /** One more than placeholders: the text before, between and after them. */
  readonly #texts: string[] = [];
  readonly #holes: Hole[] = [];

  constructor(line: string) {
    const isTask = line.startsWith('{"Event":"SparkListenerTask');
    const marked: Hole[] = [];
    const mark = (hole: Hole, quoted: boolean): string =>
      `@hole${marked.push(hole) - 1}${quoted ? 'q' : 'n'}@`;
    const event = JSON.parse(line, function (this: object, key, value: unknown) {
      const stages =
        key === 'Stage IDs' || (key === 'Parent IDs' && Object.hasOwn(this, 'Stage ID'));
      if (stages) return (value as number[]).map(id => mark(stageHole(id), false));
      const hole = holeFor(key, value, isTask);
      return hole === null ? value : mark(hole, typeof value === 'string');
    }) as unknown;
    const parts = JSON.stringify(event).split(/"@hole(\d+)([qn])@"/);
    for (let i = 0; i < parts.length; i += 3) {
      this.#texts.push(parts[i]!);
      if (i + 1 === parts.length) break;
      const hole = marked[Number(parts[i + 1])]!;
      this.#holes.push(parts[i + 2] === 'q' ? moment => `"${hole(moment)}"` : hole);
    }
  }

  at(moment: Moment): string {
    let text = this.#texts[0]!;
    for (let i = 0; i < this.#holes.length; i += 1) {
      text += this.#holes[i]!(moment) + this.#texts[i + 1]!;
    }
    return text;
  }
}

function stageHole(id: number): Hole {
  return ({ round, stages }) => id + round * stages;
}

function holeFor(key: string, value: unknown, isTask: boolean): Hole | null {
  if (typeof value === 'number') return numberHole(key, value, isTask);
  if (typeof value !== 'string') return null;
  if (key === 'spark.sql.execution.id' || key === 'spark.sql.execution.root.id') {
    return ({ round }) => Number(value) + round;
  }
  if (isTask && key === 'Executor ID') return ({ task }) => task.id % 2;
  const isMetric = (key === 'Update' || key === 'Value') && /^\d+$/.test(value);
  return isTask && isMetric && Number(value) > MEASURED ? varied(Number(value)) : null;
}

function numberHole(key: string, value: number, isTask: boolean): Hole | null {
  switch (key) {
    case 'Stage ID':
      return stageHole(value);
    case 'Job ID':
    case 'executionId':
      return ({ round }) => value + round;
    case 'Number of Tasks':
    case 'Number of Partitions':
      return () => TASKS_PER_STAGE;
    case 'Task ID':
      return ({ task }) => task.id;
    case 'Index':
    case 'Partition ID':
      return ({ task }) => task.index;
    case 'Launch Time':
      return ({ task }) => START + task.from;
    // The template's tasks were the first of a new JVM; the log's should be normal, and match its times.
    case 'Executor Run Time':
      return ({ clock, task }) => clock - task.from;
    case 'Executor Deserialize Time':
    case 'JVM GC Time':
      return () => 0;
  }
  if (value > START / 2 && value < START * 2) return ({ clock }) => START + clock;
  return isTask && value > MEASURED ? varied(value) : null;
}

/** Half to one and a half times the value; deterministic per task. */
function varied(value: number): Hole {
  return ({ task }) => {
    const noise = ((task.id * 48271 + value) % 65521) / 65521;
    return Math.floor(value * (0.5 + noise));
  };
}
