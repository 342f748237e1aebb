import { type EntityId, type EntityKind, type EntityRef, type EntityState, entityId } from '../../../core/entities.ts';
import type { Page, PageRequest } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { EntityPlace, EntityTimelineEntry } from '../../../ports/history.ts';
import { int8Array } from '../binary-arrays.ts';
import { keyset, Parameters, pageOf } from './keyset.ts';
import { Lists, pagesOf } from './lists.ts';
import {
  endOf,
  kindNumber,
  lastsAt,
  type RefColumns,
  refArrays,
  refOf,
  type StateColumns,
  stateColumns,
  stateOf,
} from './rows.ts';

type StateRow = RefColumns & StateColumns;

/** States at `seq` of entities that existed then. One seek per entity. */
export async function statesAt(
  on: SqlExecutor,
  graphId: number,
  seq: bigint,
  refs: readonly EntityRef[],
): Promise<Map<EntityId, EntityState>> {
  const states = new Map<EntityId, EntityState>();
  if (refs.length === 0) return states;
  const { rows } = await on.query<StateRow>(
    `SELECT r.kind, r.key, ${stateColumns('v')} FROM unnest($3::int2[], $4::text[]) AS r (kind, key)
     CROSS JOIN LATERAL (
       SELECT * FROM entity_versions e
       WHERE e.graph_id = $1 AND e.kind = r.kind AND e.key = r.key AND e.valid_from_seq <= $2
       ORDER BY e.valid_from_seq DESC LIMIT 1
     ) v WHERE v.present`,
    [graphId, seq, ...refArrays(refs)],
  );
  for (const row of rows) {
    const ref = refOf(row);
    const state = stateOf(ref, row);
    if (state !== null) states.set(entityId(ref), state);
  }
  return states;
}

/** The state at each place. One seek per place. */
export async function statesAtPlaces(
  on: SqlExecutor,
  graphId: number,
  places: readonly EntityPlace[],
): Promise<(EntityState | null)[]> {
  const states = places.map((): EntityState | null => null);
  if (places.length === 0) return states;
  const { rows } = await on.query<StateRow & { n: bigint }>(
    `SELECT p.n, p.kind, p.key, ${stateColumns('v')}
     FROM unnest($2::int8[], $3::int2[], $4::text[]) WITH ORDINALITY AS p (seq, kind, key, n)
     CROSS JOIN LATERAL (
       SELECT * FROM entity_versions e
       WHERE e.graph_id = $1 AND e.kind = p.kind AND e.key = p.key AND e.valid_from_seq <= p.seq
       ORDER BY e.valid_from_seq DESC LIMIT 1
     ) v WHERE v.present`,
    [graphId, int8Array(places.map(({ seq }) => seq)), ...refArrays(places)],
  );
  for (const row of rows) states[Number(row.n) - 1] = stateOf(refOf(row), row);
  return states;
}

export interface ScanFilter {
  readonly kind: EntityKind;
  readonly label?: string | undefined;
  readonly type?: string | undefined;
}

/** Entities at `seq` in key order. A label reads the nodes that ever had it; a type reads its relationships. */
export async function scanAt(
  on: SqlExecutor,
  graphId: number,
  seq: bigint,
  { kind, label, type }: ScanFilter,
  page: PageRequest<string>,
): Promise<Page<EntityState>> {
  if (label !== undefined && kind === 'RELATIONSHIP') return { items: [], hasMore: false };
  if (type !== undefined && kind === 'NODE') return { items: [], hasMore: false };
  const parameters = new Parameters();
  const graph = parameters.add(graphId);
  const at = `${parameters.add(seq)}::int8`;
  const valid = `v.valid_from_seq <= ${at} AND v.present AND ${lastsAt('v', at)}`;
  const number = parameters.add(kindNumber(kind));
  let from = `entity_versions v WHERE v.graph_id = ${graph} AND v.kind = ${number} AND ${valid}`;
  let key = 'v.key';
  if (type !== undefined) from += ` AND v.type = ${parameters.add(type)}`;
  if (label !== undefined) {
    const name = `${parameters.add(label)}::text`;
    key = 'l.key';
    from = `entity_labels l CROSS JOIN LATERAL (
        SELECT * FROM entity_versions e
        WHERE e.graph_id = l.graph_id AND e.kind = ${number} AND e.key = l.key AND e.valid_from_seq <= ${at}
        ORDER BY e.valid_from_seq DESC LIMIT 1
      ) v WHERE l.graph_id = ${graph} AND l.label = ${name} AND v.labels @> ARRAY[${name}] AND ${valid}`;
  }
  const { orderBy, limit, conditions } = keyset([key], page, (position) => [parameters.add(position)]);
  const { rows } = await on.query<StateRow>(
    `SELECT v.kind, v.key, ${stateColumns('v')} FROM ${[from, ...conditions].join(' AND ')}
     ORDER BY ${orderBy} LIMIT ${limit}`,
    parameters.values,
  );
  const states = rows.flatMap((row) => stateOf(refOf(row), row) ?? []);
  return pageOf(states, page, (state) => state);
}

interface TimelineRow extends RefColumns, StateColumns {
  readonly n: bigint;
  readonly from_seq: bigint;
  readonly from_time: Date;
  readonly to_seq: bigint | null;
  readonly to_time: Date | null;
}

/** The versions of each entity, newest first. What no stored transaction made is not there yet. */
export async function timelines(
  on: SqlExecutor,
  graphId: number,
  refs: readonly EntityRef[],
  page: PageRequest<bigint>,
): Promise<Map<EntityId, Page<EntityTimelineEntry>>> {
  const parameters = new Parameters();
  const graph = parameters.add(graphId);
  const lists = new Lists(parameters);
  const [kinds, keys] = refArrays(refs);
  const entity = `v.kind = ${lists.add('kind', 'int2', kinds)} AND v.key = ${lists.add('key', 'text', keys)}`;
  const order = keyset(['v.valid_from_seq'], page, (at) => [`${parameters.add(at)}::int8`], true);
  const { rows } = await on.query<TimelineRow>(
    `SELECT p.n, w.* FROM ${lists.table} CROSS JOIN LATERAL (
       SELECT v.kind, v.key, ${stateColumns('v')}, f.seq AS from_seq, f.time AS from_time, u.seq AS to_seq, u.time AS to_time
       FROM entity_versions v
       JOIN graph_transactions f ON f.graph_id = v.graph_id AND f.seq = v.valid_from_seq
       LEFT JOIN graph_transactions u ON u.graph_id = v.graph_id AND u.seq = ${endOf('v')}
       WHERE ${[`v.graph_id = ${graph} AND ${entity}`, ...order.conditions].join(' AND ')}
       ORDER BY ${order.orderBy} LIMIT ${order.limit}
     ) w ORDER BY p.n, ${order.orderBy.replace('v.valid_from_seq', 'w.from_seq')}`,
    parameters.values,
  );
  const pages = pagesOf(refs.length, rows, page, (row) => ({
    from: { seq: row.from_seq, time: row.from_time },
    to: row.to_seq === null || row.to_time === null ? null : { seq: row.to_seq, time: row.to_time },
    state: stateOf(refOf(row), row),
  }));
  const nothing = { items: [], hasMore: false };
  return new Map(refs.map((ref, index) => [entityId(ref), pages[index] ?? nothing]));
}

/** Labels or types of the live graph, by name. */
export async function names(
  on: SqlExecutor,
  graphId: number,
  kind: 'L' | 'T',
  page: PageRequest<string>,
): Promise<Page<{ name: string; count: bigint }>> {
  const parameters = new Parameters();
  const conditions = [`graph_id = ${parameters.add(graphId)} AND kind = ${parameters.add(kind)}`];
  const order = keyset(['name'], page, (at) => [parameters.add(at)]);
  const { rows } = await on.query<{ name: string; count: bigint }>(
    `SELECT name, count FROM graph_names WHERE ${[...conditions, ...order.conditions].join(' AND ')}
     ORDER BY ${order.orderBy} LIMIT ${order.limit}`,
    parameters.values,
  );
  return pageOf(rows, page, (row) => row);
}
