/**
 * What a task's end says of it, verbatim and piece by piece: its place in its stage (`Index` is the partition,
 * but in a stage that is done again), how long it ran, other figures, and its stage. JsonProtocol writes the keys of
 * one piece in this order.
 */
export function taskQuotes(
  stage: number,
  task: { task: number; attempt: number; index: number | null; runMs: number },
  figures: readonly string[] = []
): string[] {
  const place = task.index === null ? '' : `,"Index":${task.index}`;
  return [
    `"Task ID":${task.task}${place}`,
    `"Executor Run Time":${task.runMs}`,
    ...figures,
    `"Stage ID":${stage},"Stage Attempt ID":${task.attempt}`
  ];
}
