/**
 * What a task's end says of it, verbatim and piece by piece: its stage, its place there (`Index` is the
 * partition, but in a stage that is done again) and how long it ran. JsonProtocol writes these keys in this order.
 */
export function taskQuotes(
  stage: number,
  task: { task: number; attempt: number; index: number | null; runMs: number }
): string[] {
  const place = task.index === null ? '' : `,"Index":${task.index}`;
  return [
    `"Stage ID":${stage},"Stage Attempt ID":${task.attempt}`,
    `"Task ID":${task.task}${place}`,
    `"Executor Run Time":${task.runMs}`
  ];
}
