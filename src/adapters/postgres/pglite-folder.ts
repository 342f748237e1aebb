import { spawn } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CREATE = fileURLToPath(new URL('./pglite-create.ts', import.meta.url));
const MOST_ERROR_TEXT = 4000;

/**
 * Makes the data folder of a new database, in a process of its own: that takes several hundred MiB, which this process would hold on to for as
 * long as it lives. A folder that was not finished is not
 * taken for a database. To be called by the holder of the folder's lock.
 */
export async function ensureFolder(dataFolder: string): Promise<string> {
  const folder = join(dataFolder, 'pg');
  if (existsSync(join(folder, 'PG_VERSION'))) return folder;
  const unfinished = join(dataFolder, 'pg.new');
  rmSync(unfinished, { recursive: true, force: true });
  await create(unfinished);
  renameSync(unfinished, folder);
  return folder;
}

async function create(folder: string): Promise<void> {
  const child = spawn(process.execPath, [CREATE, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (part) => {
    complaint = `${complaint}${part}`.slice(-MOST_ERROR_TEXT);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`the embedded database could not be made in ${folder}: ${complaint.trim()}`);
}
