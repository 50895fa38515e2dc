import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from './server.js';

/** Where distributions install the server's programs; Debian has one directory per version. */
const FOLDERS = [
  ...(existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql')
        .sort((a, b) => Number(b) - Number(a))
        .map(version => join('/usr/lib/postgresql', version, 'bin'))
    : []),
  ...(process.env['PATH'] ?? '').split(':')
];

/** The directory of PostgreSQL's programs, or null if it is not installed. */
export const postgresPrograms =
  FOLDERS.find(
    folder => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))
  ) ?? null;

/** PostgreSQL refuses to run as root; then it runs as one of these users. */
function ordinaryUser(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = users.find(line => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody');
}

/** A PostgreSQL for a test, on a socket in its own directory. */
export class Postgres {
  private readonly user = ordinaryUser();
  private readonly directory = mkdtempSync(join(tmpdir(), 'aglais-pg-'));
  private process: ChildProcess | null = null;
  private databases = 0;

  static async open(): Promise<Postgres> {
    const postgres = new Postgres();
    const { directory, user } = postgres;
    if ('uid' in user) chownSync(directory, user.uid!, user.gid!);
    const options = ['-D', join(directory, 'data'), '-A', 'trust', '-U', 'aglais', '--no-sync'];
    const initdb = postgres.program('initdb', [...options, '-E', 'UTF8', '--no-locale']);
    const code = await new Promise(resolve => initdb.once('close', resolve));
    if (code !== 0) throw new Error(`initdb ended with ${String(code)}`);
    await postgres.start();
    return postgres;
  }

  /** The URL of a new, empty database. */
  async database(): Promise<string> {
    this.databases += 1;
    const name = `d${this.databases}`;
    await this.query(`CREATE DATABASE ${name}`);
    return this.url(name);
  }

  /** Closes all connections and restarts, as after an update. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async start(): Promise<void> {
    const { directory } = this;
    this.process = this.program('postgres', [
      ...['-D', join(directory, 'data'), '-k', directory],
      ...['-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'max_connections=50']
    ]);
    await eventually('PostgreSQL', () =>
      this.query('SELECT 1').then(
        () => true,
        () => false
      )
    );
  }

  async stop(): Promise<void> {
    const { process: server } = this;
    if (!server) return;
    const closed = new Promise(resolve => server.once('close', resolve));
    // "Fast": connections are closed, nothing is awaited.
    server.kill('SIGINT');
    await closed;
    this.process = null;
  }

  private url(database: string): string {
    return `postgresql://aglais@localhost:5432/${database}?host=${encodeURIComponent(this.directory)}`;
  }

  private async query(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url('postgres') });
    try {
      await client.connect();
      await client.query(sql);
    } finally {
      await client.end();
    }
  }

  private program(name: string, args: string[]): ChildProcess {
    return spawn(join(postgresPrograms!, name), args, {
      ...this.user,
      cwd: this.directory,
      stdio: 'ignore'
    });
  }
}
