import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configure, serverArguments, serverEnvironment } from './configuration.ts';
import type { Neo4jInstallation } from './install.ts';

const PATIENCE_MS = 180_000;

/**
 * Starts a server once and has Java write down the classes that it loads, of which later ones only map the file. Without it they start all the
 * same, so what goes wrong is told and not thrown.
 */
export async function archiveClasses({ classPath, classArchive, plugins }: Neo4jInstallation): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'palinode-neo4j-'));
  const draft = `${classArchive}.draft`;
  configure({ home, port: 0 }, plugins);
  const child = spawn('java', serverArguments(classPath, home, '512m', [`-XX:ArchiveClassesAtExit=${draft}`]), {
    cwd: home,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: serverEnvironment(home),
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  child.stdout.on('data', (chunk: Buffer) => {
    if (chunk.includes('serving')) child.kill('SIGTERM');
  });
  await new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  // One that was cut short may be there in part.
  const isWhole = existsSync(draft) && child.signalCode !== 'SIGKILL';
  if (isWhole) renameSync(draft, classArchive);
  else console.error('Java could not archive the classes of Neo4j: it will start more slowly.');
  for (const left of [home, draft]) rmSync(left, { recursive: true, force: true });
}
