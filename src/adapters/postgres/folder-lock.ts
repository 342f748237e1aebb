import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isNativeError } from 'node:util/types';

/** A data folder that another process is using. */
export class FolderLockedError extends Error {
  constructor(folder: string, owner: string) {
    super(`${folder} is in use by ${owner}; stop it first or choose another folder with PALINODE_DATA`);
    this.name = 'FolderLockedError';
  }
}

/**
 * Takes a folder for this process alone, creating it when it is missing. The lock is the kernel's, held
 * through an open file, so it ends with the process however that dies, and a recycled process id or a
 * restarted container cannot be mistaken for the owner. The id in the file beside it is for people.
 * @returns a function that gives the folder back
 * @throws FolderLockedError
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const ownerFile = join(folder, 'owner.pid');
  const lock = new DatabaseSync(join(folder, 'owner.lock'));
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (isNativeError(error) && /locked/.test(error.message)) throw new FolderLockedError(folder, owner(ownerFile));
    throw error;
  }
  writeFileSync(ownerFile, `${process.pid}\n`);
  return () => {
    if (lock.isOpen) lock.close();
  };
}

function owner(file: string): string {
  try {
    return `process ${readFileSync(file, 'utf8').trim()}`;
  } catch {
    return 'another process';
  }
}
