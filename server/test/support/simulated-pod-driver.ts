import { mkdirSync } from 'node:fs';
import { appendFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openEvidenceServer, type EvidenceServer } from '../../../witness/src/evidence-server.js';
import type { Recording } from './recording.js';

/** The port at which the server expects the witness. */
const WITNESS_PORT = 8_444;
/** A witness that is not dismissed exits after this time, ms. */
const UNDISMISSED_MS = 3_000;

export interface PodDriverOptions {
  directory: string;
  /** Of its pod. */
  address: string;
  application: string;
  /** As its pod would have it mounted. */
  secret: Record<string, string>;
  recording: Recording;
}

/** What runs in a driver's pod: the real witness, and files that a real driver wrote. */
export class PodDriver {
  private dismiss: () => void = () => undefined;
  private readonly dismissed = new Promise<void>(resolve => (this.dismiss = resolve));
  private readonly over = new AbortController();
  private witness: EvidenceServer | null = null;

  constructor(private readonly options: PodDriverOptions) {}

  async open(): Promise<void> {
    const { directory, address, application, secret, recording } = this.options;
    mkdirSync(directory, { recursive: true });
    this.witness = await openEvidenceServer({
      directory,
      application,
      identity: { key: secret['tls.key']!, certificate: secret['tls.crt']! },
      token: secret['witness-token']!.trim(),
      port: WITNESS_PORT,
      host: address,
      over: this.over.signal,
      onDone: () => this.dismiss()
    });
    await appendFile(join(directory, 'driver.log'), 'a driver\n');
    await this.write(recording.start(application));
  }

  async ready(): Promise<void> {
    const part = join(this.options.directory, '.ready.part');
    await writeFile(part, '15003\n');
    await rename(part, join(this.options.directory, 'ready'));
  }

  async work(losses: boolean): Promise<void> {
    const { recording, application } = this.options;
    await this.write(recording.work(application));
    if (losses) await this.write(recording.losses(application));
  }

  /** Its Java has ended; the witness stays until everything is fetched. */
  async end(): Promise<void> {
    this.over.abort();
    const timeout = AbortSignal.timeout(UNDISMISSED_MS);
    await Promise.race([
      this.dismissed,
      new Promise(resolve => timeout.addEventListener('abort', resolve))
    ]);
    await this.witness?.close();
    await rm(this.options.directory, { recursive: true, force: true });
  }

  private async write(lines: string): Promise<void> {
    await appendFile(join(this.options.directory, 'live.jsonl'), lines);
  }
}
