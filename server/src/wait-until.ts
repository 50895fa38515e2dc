/**
 * Waits until a condition holds; false if it does not in time.
 * @param subscribe calls its argument after each change; its result unsubscribes
 */
export async function waitUntil(
  condition: () => boolean,
  subscribe: (onChange: () => void) => () => void,
  withinMs: number
): Promise<boolean> {
  if (condition()) return true;
  return new Promise(resolve => {
    const done = (result: boolean): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve(result);
    };
    const unsubscribe = subscribe(() => {
      if (condition()) done(true);
    });
    const timer = setTimeout(() => done(condition()), withinMs);
  });
}
