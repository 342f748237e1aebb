import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'palinode-test-';
const pidFile = 'processes';

/** A folder for one test run; every server the run starts is noted in it, so that none outlives it. */
export function createRunFolder(): string {
  return mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
}

/** The folder of the present test run. */
export function runFolder(): string {
  const folder = process.env.PALINODE_TEST_RUN;
  if (folder === undefined) throw new Error('no test run: start tests through jest');
  return folder;
}

/** Starts a server that ends with the test run at the latest. Its output goes to `log`. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  if (child.pid !== undefined) noteProcess(child.pid);
  return child;
}

/** Marks a process as belonging to this run. */
export function noteProcess(pid: number): void {
  appendFileSync(join(runFolder(), pidFile), `${pid} ${startOf(pid)}\n`);
}

/** Kills what a run started and removes its folder. */
export function endRun(folder: string): void {
  const notes = join(folder, pidFile);
  const lines = existsSync(notes) ? readFileSync(notes, 'utf8').split('\n') : [];
  for (const line of lines) {
    const [pid, start] = line.split(' ');
    if (pid && start && startOf(Number(pid)) === start) kill(Number(pid));
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Ends what runs before this one left behind when they were killed. */
export function endAbandonedRuns(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : Number.NaN;
    if (owner > 0 && startOf(owner) === '') endRun(join(tmpdir(), name));
  }
}

/** A TCP port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(address.port);
      });
    });
  });
}

/** Where a program is, looking in `folders` before the PATH. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? '').split(':');
  return [...folders, ...path].map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** When a process started, as the system counts; empty when there is none. Tells recycled ids apart. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    if (existsSync('/proc/self/stat')) return '';
    return (
      spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
        .stdout?.trim()
        .replaceAll(' ', '_') ?? ''
    );
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
