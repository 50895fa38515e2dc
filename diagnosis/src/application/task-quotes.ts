/**
 * Verbatim parts of a task's end event: its index in the stage (the partition, unless the stage is retried), its
 * duration, other metrics, and its stage. JsonProtocol writes the keys of one part in this order.
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
