import {
  type EntityId,
  type EntityKind,
  type EntityRef,
  type EntityState,
  entityId,
  type RelationshipState,
} from '../../core/entities.ts';
import { LimitError } from '../../core/errors.ts';
import type { SqlExecutor } from '../../ports/database.ts';
import { textArray } from '../postgres/binary-arrays.ts';
import { type PackedColumns, packedQuery } from '../postgres/packed.ts';
import { type NodeRow, nodeState, type RelationshipRow, relationshipState } from './states.ts';

const NODE_COLUMNS = 'key, labels, properties';
const NODE: PackedColumns<NodeRow> = { key: 'json', labels: 'json', properties: 'json' };
const RELATIONSHIP: PackedColumns<RelationshipRow> = {
  key: 'json',
  type: 'json',
  start_key: 'json',
  end_key: 'json',
  properties: 'json',
};
const RELATIONSHIP_COLUMNS = 'key, type, start_key, end_key, properties';

/** Seeks each key, whatever the planner believes of the table: it may have no statistics, and would rather read all of it. */
const BY_KEY = 'WHERE key = ANY(ARRAY(SELECT unnest($1::text[])))';
const LOCKED = `${BY_KEY} ORDER BY key FOR UPDATE`;

/**
 * Reads entities by key; what does not exist is absent. With `lock`, rows are locked nodes first, then by
 * key, so that two writers who lock the same entities do not deadlock.
 */
export async function readStates(
  on: SqlExecutor,
  schema: string,
  refs: readonly EntityRef[],
  lock: boolean,
): Promise<Map<EntityId, EntityState>> {
  const states = new Map<EntityId, EntityState>();
  for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
    const keys = refs.filter((ref) => ref.kind === kind).map((ref) => ref.key);
    if (keys.length === 0) continue;
    for (const state of await select(on, schema, kind, lock ? LOCKED : BY_KEY, [textArray(keys)]))
      states.set(entityId(state), state);
  }
  return states;
}

/**
 * Locks and reads every relationship with an end in `nodeKeys`, by key.
 * @throws LimitError when there are more than `limit`
 */
export async function lockIncident(
  tx: SqlExecutor,
  schema: string,
  nodeKeys: readonly string[],
  limit: number,
): Promise<RelationshipState[]> {
  if (nodeKeys.length === 0) return [];
  const rows = await packedQuery<RelationshipRow>(
    tx,
    RELATIONSHIP,
    `SELECT ${RELATIONSHIP_COLUMNS} FROM ${schema}.relationships
     WHERE start_key = ANY($1::text[]) OR end_key = ANY($1::text[]) ORDER BY key LIMIT $2 FOR UPDATE`,
    [textArray(nodeKeys), limit + 1],
  );
  if (rows.length > limit) {
    throw new LimitError(`more than ${limit} relationships are tied to these nodes`, BigInt(limit));
  }
  return rows.map(relationshipState);
}

/** At most `limit` entities of a kind after a key, in key order; from the beginning after ''. */
export async function readPage(
  on: SqlExecutor,
  schema: string,
  kind: EntityKind,
  after: string,
  limit: number,
): Promise<EntityState[]> {
  return select(on, schema, kind, 'WHERE key > $1 ORDER BY key LIMIT $2', [after, limit]);
}

async function select(
  on: SqlExecutor,
  schema: string,
  kind: EntityKind,
  rest: string,
  params: readonly unknown[],
): Promise<EntityState[]> {
  if (kind === 'NODE') {
    const text = `SELECT ${NODE_COLUMNS} FROM ${schema}.nodes ${rest}`;
    return (await packedQuery<NodeRow>(on, NODE, text, params)).map(nodeState);
  }
  const text = `SELECT ${RELATIONSHIP_COLUMNS} FROM ${schema}.relationships ${rest}`;
  return (await packedQuery<RelationshipRow>(on, RELATIONSHIP, text, params)).map(relationshipState);
}
