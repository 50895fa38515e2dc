import { describe, expect, it } from '@jest/globals';
import { JUPYTER_FORGOTTEN_MS, LocalJupyterServers } from '../src/clusters/jupyter-servers.js';

describe('What the only server knows of Jupyter Servers', () => {
  it('is forgotten a day after their last report, with their kernels', async () => {
    let now = 0;
    const servers = new LocalJupyterServers(() => now);
    await servers.heard('left', ['k1']);
    now = 1_000;
    await servers.heard('stays', ['k2']);
    now = JUPYTER_FORGOTTEN_MS;
    await servers.heard('stays', ['k2', 'k3']);
    expect(await servers.jupyterServerOf('k1')).toBeNull();
    expect(await servers.jupyterServerOf('k3')).toBe('stays');
    // Clusters of kernels of such a server are stopped all the same.
    expect(await servers.silent(['left', 'stays'])).toEqual(new Set(['left']));
  });

  it('stays for as long as they report', async () => {
    let now = 0;
    const servers = new LocalJupyterServers(() => now);
    for (let hour = 0; hour < 72; hour += 1) {
      now += 3_600_000;
      await servers.heard('a', ['k1']);
      await servers.heard('b', []);
    }
    expect(await servers.jupyterServerOf('k1')).toBe('a');
    expect(await servers.silent(['a', 'b'])).toEqual(new Set());
  });
});
