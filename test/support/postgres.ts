import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgDatabase, type PgDatabaseOptions } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { findProgram, freePort, noteProcess, runFolder, startProcess } from './processes.ts';

const migrations = 'prisma/migrations';
const migratedTemplate = 'palinode_migrated';

export interface PostgresServer {
  readonly port: number;
  readonly pid: number;
  /** The address of a database on this server. */
  url(database: string): string;
  /** Ends the server at once, as a crash would. */
  kill(): void;
  /** Ends the server at once and starts it again, on the same data and port. */
  restart(): Promise<void>;
}

export interface TestDatabase {
  readonly database: PgDatabase;
  readonly url: string;
  /** Closes and drops it; `await using` calls this. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a throwaway PostgreSQL server on a free port, with settings of one's own. It refuses to run as root, so root lends it `postgres`. */
export async function startPostgres(own: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const bin = postgresFolder();
  const folder = mkdtempSync(join(runFolder(), 'postgres-'));
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const asOwner = lendTo([runFolder()], [folder, data]);
  const [program = '', ...before] = [...asOwner, join(bin, 'initdb')];
  execFileSync(
    program,
    [...before, '-D', data, '-U', 'palinode', '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'],
    {
      stdio: 'pipe',
      cwd: folder,
    },
  );
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    max_connections: 200,
  };
  const flags = Object.entries({ ...settings, synchronous_commit: 'off', full_page_writes: 'off', ...own });
  const [server = '', ...args] = [
    ...asOwner,
    join(bin, 'postgres'),
    '-D',
    data,
    ...flags.flatMap(([k, v]) => ['-c', `${k}=${v}`]),
  ];
  const url = (database: string) => `postgres://palinode@127.0.0.1:${port}/${database}`;
  const start = async (): Promise<number> => {
    const child = startProcess(server, args, { cwd: folder });
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4000);
    });
    const gone = new Promise<never>((_, reject) => {
      child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${log}`)));
    });
    gone.catch(() => {});
    await Promise.race([untilAnswering(url('postgres'), () => log), gone]);
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    noteProcess(pid);
    child.unref();
    return pid;
  };
  let pid = await start();
  const kill = () => killTree(pid);
  const restart = async (): Promise<void> => {
    kill();
    // What the dead server had just forked lives a moment longer, and keeps its memory from the next.
    for (let attempt = 1; ; attempt += 1) {
      try {
        pid = await start();
        return;
      } catch (error) {
        if (attempt === 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };
  return { port, pid, url, kill, restart };
}

export interface TestDatabaseOptions extends Omit<PgDatabaseOptions, 'url'> {
  /** With the service's tables, as after a start. */
  readonly migrated?: boolean;
}

/** A fresh database on the server of this test run. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { migrated = false, ...pool } = options;
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${migrated ? migratedTemplate : 'template0'} STRATEGY wal_log`);
  const url = serverUrl(name);
  const database = new PgDatabase({ url, poolSize: 5, ...pool });
  const close = async () => {
    await database.close();
    await administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  return { database, url, [Symbol.asyncDispose]: close };
}

/** A fresh PGlite database in memory, copied from one made once per run. Close it, or the process stays. */
export async function createPgliteDatabase(options: { readonly migrated?: boolean } = {}): Promise<PgliteDatabase> {
  const bytes = readFileSync(pgliteArchive(options.migrated === true));
  return PgliteDatabase.open({ archive: new Blob([bytes]) });
}

/** Makes what `createTestDatabase` and `createPgliteDatabase` copy from. */
export async function prepareTemplates(): Promise<void> {
  await Promise.all([preparePglite(), preparePostgres()]);
}

async function preparePglite(): Promise<void> {
  const database = await PgliteDatabase.open();
  const save = async (migrated: boolean) =>
    writeFileSync(pgliteArchive(migrated), new Uint8Array(await (await database.archive()).arrayBuffer()));
  await save(false);
  await migrate(database, migrations);
  await save(true);
  await database.close();
}

async function preparePostgres(): Promise<void> {
  if (process.env.PALINODE_TEST_POSTGRES === undefined) return;
  await administer(`CREATE DATABASE ${migratedTemplate} TEMPLATE template0`);
  const database = new PgDatabase({ url: serverUrl(migratedTemplate) });
  await migrate(database, migrations);
  await database.close();
}

function pgliteArchive(migrated: boolean): string {
  return join(runFolder(), migrated ? 'pglite-migrated.tar' : 'pglite.tar');
}

/** The address of a database on the server of this test run. */
export function serverUrl(database: string): string {
  const url = process.env.PALINODE_TEST_POSTGRES;
  if (url === undefined) throw new Error('no PostgreSQL server: is it installed (apt-get install postgresql)?');
  return new URL(`/${database}`, url).href;
}

/** The folder of the newest PostgreSQL's programs. @throws Error when there is none */
export function postgresFolder(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(root, version, 'bin'));
  const program = findProgram('initdb', folders);
  if (program === undefined) throw new Error('PostgreSQL is not installed: no initdb found');
  return join(program, '..');
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl('postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function untilAnswering(url: string, log: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`PostgreSQL did not start:\n${log()}`);
}

function lendTo(passable: readonly string[], owned: readonly string[]): string[] {
  if (process.getuid?.() !== 0) return [];
  const id = (flag: string) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  const [uid, gid] = [id('-u'), id('-g')];
  for (const folder of passable) chmodSync(folder, 0o711);
  for (const folder of owned) chownSync(folder, uid, gid);
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'];
}

function killTree(pid: number): void {
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).stdout;
  for (const id of [pid, ...children.split('\n').filter(Boolean).map(Number)]) {
    try {
      process.kill(id, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
