import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findProgram, freePort, runFolder, startProcess } from './processes.ts';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends the server at once, as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Starts a throwaway Redis server on a free port, or on the one given. Extra settings as on its command line. */
export async function startRedis(options: { port?: number; settings?: readonly string[] } = {}): Promise<RedisServer> {
  const program = findProgram('redis-server', ['/usr/bin', '/usr/local/bin']);
  if (program === undefined) throw new Error('Redis is not installed: no redis-server found');
  const port = options.port ?? (await freePort());
  const folder = mkdtempSync(join(runFolder(), 'redis-'));
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = startProcess(program, [...flags, ...(options.settings ?? [])]);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdout?.resume();
  child.stderr?.resume();
  child.unref();
  await untilListening(port);
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  return { port, url: `redis://127.0.0.1:${port}`, kill };
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`Redis did not start on port ${port}`);
}
