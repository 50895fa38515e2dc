// Imported into the server by Node's --import: reports the memory and resources of this process to its parent, after a GC.
import { readdirSync } from 'node:fs';
import { writeHeapSnapshot } from 'node:v8';
import { setImmediate as turn } from 'node:timers/promises';

process.on('message', async snapshot => {
  // What a first collection hands to finalizers and WeakRefs is free only after another.
  for (let n = 0; n < 3; n += 1) {
    globalThis.gc();
    await turn();
  }
  if (snapshot) writeHeapSnapshot(snapshot);
  const { heapUsed, external, rss } = process.memoryUsage();
  process.send({
    heapBytes: heapUsed,
    externalBytes: external,
    rssBytes: rss,
    files: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo()
  });
});
// It does not keep the server from ending.
process.channel.unref();
