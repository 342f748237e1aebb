import { createHash } from 'node:crypto';
import type { EntityRef } from './entities.ts';
import { toHex } from './hash.ts';

/** What a planned row fixes. The hashes are state hashes of what the entity must be before the write and is after it; null: absent. */
export interface PlanHashRow extends EntityRef {
  readonly expectedHash: Uint8Array | null;
  readonly targetHash: Uint8Array | null;
}

/** Takes a plan's rows one by one. */
export interface PlanHasher {
  /** @throws RangeError when the row does not come after the one before it */
  add(row: PlanHashRow): void;
  /** 64 lower-case hexadecimal digits. Can be asked once. */
  digest(): string;
}

/**
 * The identity of a plan: SHA-256 over its rows, nodes before relationships, each kind by key in code unit order, and each entity once.
 * Two plans have the same hash if they write the same states over the same states.
 */
export function planHasher(): PlanHasher {
  const hash = createHash('sha256').update('palinode-plan-1\n');
  let last: EntityRef | null = null;
  return {
    add(row) {
      if (last !== null && compareRefs(last, row) >= 0) {
        throw new RangeError(`plan rows out of order: ${row.kind} ${row.key} after ${last.kind} ${last.key}`);
      }
      last = { kind: row.kind, key: row.key };
      hash.update(`${JSON.stringify([row.kind, row.key, hexOf(row.expectedHash), hexOf(row.targetHash)])}\n`);
    },
    digest: () => hash.digest('hex'),
  };
}

/** Nodes before relationships, then by key in code unit order: the order of plan rows. */
export function compareRefs(a: EntityRef, b: EntityRef): number {
  if (a.kind !== b.kind) return a.kind === 'NODE' ? -1 : 1;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

function hexOf(hash: Uint8Array | null): string {
  return hash === null ? '-' : toHex(hash);
}
