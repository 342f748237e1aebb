import { type EntityRef, type EntityState, entityId } from '../../../core/entities.ts';
import { compareRefs, type PlanHashRow } from '../../../core/plan-hash.ts';
import type { Origins } from '../../../core/undo-set.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { PlannedWrite, Written } from '../../../ports/plan-store.ts';
import { type PackedColumns, packedQuery } from '../packed.ts';
import { kindOf, MOVED, RELEASES, refParams } from './plan-rows.ts';

/** Rows in one page of the plan's hash: few enough that the next one is read while one is hashed. */
const PAGE = 2500;

interface HashRecord {
  readonly kind: number;
  readonly key: string;
  readonly expected_hash: Uint8Array | null;
  readonly target_hash: Uint8Array | null;
}

interface WriteRecord {
  readonly kind: number;
  readonly key: string;
  readonly phase: number;
  readonly expected_hash: Uint8Array | null;
  readonly after: EntityState | null;
}

type WrittenRecord = Pick<HashRecord, 'kind' | 'key' | 'target_hash'> & { readonly no: bigint };

const HASH: PackedColumns<HashRecord> = { kind: 'json', key: 'json', expected_hash: 'bytes', target_hash: 'bytes' };
// A batch waits for these on the one connection of PGlite, so there are no more than it needs.
const WRITE: PackedColumns<WriteRecord> = {
  kind: 'json',
  key: 'json',
  phase: 'json',
  expected_hash: 'bytes',
  after: 'json',
};
const WRITTEN: PackedColumns<WrittenRecord> = { no: 'bigint', kind: 'json', key: 'json', target_hash: 'bytes' };

export async function* hashRows(on: SqlExecutor, operationId: string): AsyncIterable<PlanHashRow[]> {
  if (await hasAstralKeys(on, operationId)) {
    const all: PlanHashRow[] = [];
    for await (const page of hashRowsByBytes(on, operationId)) all.push(...page);
    yield all.sort(compareRefs);
    return;
  }
  yield* hashRowsByBytes(on, operationId);
}

/** The database sorts by code point, plans by code unit: the same unless a key has characters beyond U+FFFF. */
async function hasAstralKeys(on: SqlExecutor, operationId: string): Promise<boolean> {
  const { count } = await on.query(
    `SELECT 1 FROM operation_plan WHERE operation_id = $1 AND state = 'PENDING' AND key ~ '[^\\u0001-\\uffff]' LIMIT 1`,
    [operationId],
  );
  return count > 0;
}

async function* hashRowsByBytes(on: SqlExecutor, operationId: string): AsyncIterable<PlanHashRow[]> {
  let last: { kind: number; key: string } = { kind: -1, key: '' };
  for (;;) {
    const rows = await packedQuery<HashRecord>(
      on,
      HASH,
      `SELECT kind, key, expected_hash, target_hash FROM operation_plan
       WHERE operation_id = $1 AND (kind, key) > ($2::smallint, $3) AND state = 'PENDING' ORDER BY kind, key LIMIT $4`,
      [operationId, last.kind, last.key, PAGE],
    );
    yield rows.map((row) => ({
      kind: kindOf(row.kind),
      key: row.key,
      expectedHash: row.expected_hash,
      targetHash: row.target_hash,
    }));
    const end = rows.at(-1);
    if (end === undefined || rows.length < PAGE) return;
    last = end;
  }
}

export async function writes(
  on: SqlExecutor,
  operationId: string,
  fromGroup: bigint,
  toGroup: bigint,
): Promise<PlannedWrite[]> {
  const rows = await packedQuery<WriteRecord>(
    on,
    WRITE,
    `SELECT kind, key, phase, expected_hash, after FROM operation_plan
     WHERE operation_id = $1 AND group_no BETWEEN $2 AND $3 AND state = 'PENDING' ORDER BY phase, kind, key`,
    [operationId, fromGroup, toGroup],
  );
  return rows.map(toWrite);
}

export async function writtenAfter(on: SqlExecutor, operationId: string, group: bigint): Promise<bigint> {
  const { rows } = await on.query<{ n: bigint }>(
    `SELECT count(*) AS n FROM operation_plan WHERE operation_id = $1 AND group_no > $2 AND state = 'APPLIED'`,
    [operationId, group],
  );
  return rows[0]?.n ?? 0n;
}

export async function* written(on: SqlExecutor, operationId: string, pageSize: number): AsyncIterable<Written[]> {
  for (let after = 0n; ; ) {
    const rows = await packedQuery<WrittenRecord>(
      on,
      WRITTEN,
      `SELECT no, kind, key, target_hash FROM operation_plan
       WHERE operation_id = $1 AND no > $2 AND state = 'APPLIED' ORDER BY no LIMIT $3`,
      [operationId, after, pageSize],
    );
    yield rows.map(({ kind, key, target_hash: targetHash }) => ({ kind: kindOf(kind), key, targetHash }));
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = last.no;
  }
}

export async function originsFor(
  on: SqlExecutor,
  operationId: string,
  refs: readonly EntityRef[],
): Promise<Map<string, Origins>> {
  const rows = await packedQuery<{ kind: number; key: string; origins: Origins }>(
    on,
    { kind: 'json', key: 'json', origins: 'json' },
    `SELECT r.kind, r.key, p.origins FROM unnest($2::smallint[], $3::text[]) AS r(kind, key) CROSS JOIN LATERAL (
       SELECT p.origins FROM operation_plan p WHERE p.operation_id = $1 AND p.kind = r.kind AND p.key = r.key LIMIT 1) AS p
     WHERE p.origins IS NOT NULL`,
    [operationId, ...refParams(refs)],
  );
  return new Map(rows.map((row) => [entityId({ kind: kindOf(row.kind), key: row.key }), row.origins]));
}

function toWrite(row: WriteRecord): PlannedWrite {
  return {
    kind: kindOf(row.kind),
    key: row.key,
    moved: row.phase === MOVED,
    releases: row.phase === RELEASES,
    expectedHash: row.expected_hash,
    after: row.after,
  };
}
