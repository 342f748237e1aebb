import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PgDatabase } from '../src/adapters/postgres/pg-database.ts';

const INSTALLED = '/usr/lib/postgresql';

/** A PostgreSQL server of our own, durable as it comes (fsync, synchronous commit), so that figures are those of a real one. */
export async function startServer(): Promise<{ url(database: string): string; stop(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'palinode-bench-'));
  chmodSync(folder, 0o777);
  const data = join(folder, 'data');
  // PostgreSQL refuses to run as root.
  const as = process.getuid?.() === 0 ? ['runuser', '-u', 'nobody', '--'] : [];
  const run = (program: string, args: readonly string[]): [string, string[]] => {
    const [command = '', ...rest] = [...as, join(programs(), program), ...args];
    return [command, rest];
  };
  execFileSync(...run('initdb', ['-D', data, '-U', 'bench', '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8']), {
    cwd: folder,
    stdio: 'pipe',
  });
  const port = await freePort();
  const child = spawn(...run('postgres', ['-D', data, '-k', folder, '-p', `${port}`, '-c', 'shared_buffers=512MB']), {
    cwd: folder,
    stdio: 'ignore',
  });
  const url = (database: string): string => `postgres://bench@127.0.0.1:${port}/${database}`;
  for (let tries = 0; ; tries += 1) {
    const database = new PgDatabase({ url: url('postgres') });
    const answered = await database.query('SELECT 1').then(
      () => true,
      () => false,
    );
    await database.close();
    if (answered) break;
    if (tries > 100) throw new Error('PostgreSQL did not start');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    stop() {
      child.kill('SIGINT');
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

function programs(): string {
  const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED).sort((a, b) => Number(b) - Number(a)) : [];
  const [newest] = versions;
  if (newest === undefined) throw new Error(`no PostgreSQL server in ${INSTALLED}: install the package postgresql`);
  return join(INSTALLED, newest, 'bin');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
