import { Router } from 'express';
import { errorMessage } from './error-message.js';
import type { LoopHealth } from './loop.js';
import { redact } from './redaction.js';

/** A check that takes longer has failed, ms: Kubernetes probes wait for one second by default. */
const CHECK_MS = 900;

/** A part of the server with background loops. */
export interface HealthSource {
  health(): LoopHealth[];
}

/** Checks a dependency of requests; throws or returns the problem if it fails. */
export interface ReadinessCheck {
  name: string;
  check: () => Promise<string | null>;
}

/**
 * Liveness and readiness of this server. The server listens before it has opened everything, so that probes can
 * distinguish a server that waits from one that is stuck.
 */
export class Health {
  private phase: 'starting' | 'open' | 'ending' = 'starting';
  private waitingFor = 'the database';
  private readonly sources: HealthSource[] = [];
  private readonly checks: ReadinessCheck[] = [];

  /** @param what it is waiting for, for people */
  startsWith(what: string): void {
    this.waitingFor = what;
  }

  opened(): void {
    if (this.phase === 'starting') this.phase = 'open';
  }

  ending(): void {
    this.phase = 'ending';
  }

  watchLoops(source: HealthSource): void {
    this.sources.push(source);
  }

  addCheck(check: ReadinessCheck): void {
    this.checks.push(check);
  }

  /** Why requests cannot be served now; null if they can. */
  get unavailable(): string | null {
    if (this.phase === 'starting') return `starting: waiting for ${this.waitingFor}`;
    return this.phase === 'ending' ? 'shutting down' : null;
  }

  /** Loops that have not completed a pass for too long. */
  stuckLoops(): LoopHealth[] {
    return this.sources
      .flatMap(source => source.health())
      .filter(({ ageMs, limitMs }) => ageMs > limitMs);
  }

  /** All checks with their problem, or null. */
  async readiness(): Promise<{ name: string; problem: string | null }[]> {
    const server = { name: 'server', problem: this.unavailable };
    if (this.phase !== 'open') return [server];
    const results = await Promise.all(
      this.checks.map(async ({ name, check }) => ({ name, problem: await outcome(check) }))
    );
    return [server, ...results];
  }
}

async function outcome(check: ReadinessCheck['check']): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>(resolve => {
    timer = setTimeout(resolve, CHECK_MS, `no answer within ${CHECK_MS} ms`);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    return errorMessage(error);
  } finally {
    clearTimeout(timer);
  }
}

/** `/livez` and `/readyz`, in the format of the Kubernetes components. */
export function healthRoutes(health: Health): Router {
  const router = Router();

  router.get('/livez', (_request, response) => {
    const stuck = health.stuckLoops();
    const lines = stuck.map(
      ({ name, ageMs, limitMs }) =>
        `[-]${name}: no pass completed for ${seconds(ageMs)} (limit ${seconds(limitMs)})`
    );
    response.status(stuck.length > 0 ? 503 : 200).type('text/plain');
    response.set('Cache-Control', 'no-store').send(`${lines.join('\n') || 'ok'}\n`);
  });

  router.get('/readyz', async (_request, response) => {
    const checks = await health.readiness();
    const isReady = checks.every(({ problem }) => problem === null);
    const lines = checks.map(({ name, problem }) =>
      problem === null ? `[+]${name} ok` : `[-]${name}: ${redact(problem)}`
    );
    response.status(isReady ? 200 : 503).type('text/plain');
    response.set('Cache-Control', 'no-store').send(`${lines.join('\n')}\n`);
  });

  return router;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
