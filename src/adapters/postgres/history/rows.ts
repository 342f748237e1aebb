import type { EntityKind, EntityRef, EntityState } from '../../../core/entities.ts';
import type { Origins, RecordedVersion } from '../../../core/undo-set.ts';
import type { Properties } from '../../../core/values.ts';
import { int2Array, textArray } from '../binary-arrays.ts';
import type { PackedColumns } from '../packed.ts';

/** The order of kinds is that of their numbers. */
const KINDS = ['NODE', 'RELATIONSHIP'] as const;

export function kindNumber(kind: EntityKind): number {
  return kind === 'NODE' ? 0 : 1;
}

export function kindOf(number: number): EntityKind {
  return KINDS[number] ?? 'NODE';
}

/** What a row says of an entity's content; all null where an outer join found none. */
export interface StateColumns {
  readonly present: boolean | null;
  readonly labels: string[] | null;
  readonly type: string | null;
  readonly start_key: string | null;
  readonly end_key: string | null;
  readonly properties: Properties | null;
}

export interface RefColumns {
  readonly kind: number;
  readonly key: string;
}

export interface VersionRow extends RefColumns, StateColumns {
  readonly seq: bigint;
  readonly origins: Origins | null;
}

/** A version together with the state before it. */
export interface ChangeRow extends VersionRow {
  readonly before_present: boolean | null;
  readonly before_labels: string[] | null;
  readonly before_type: string | null;
  readonly before_start_key: string | null;
  readonly before_end_key: string | null;
  readonly before_properties: Properties | null;
}

const STATE = ['present', 'labels', 'type', 'start_key', 'end_key', 'properties'] as const;

/** The select list of `StateColumns`, each name with a prefix. */
export function stateColumns(alias: string, prefix = ''): string {
  return STATE.map((column) => `${alias}.${column} AS ${prefix}${column}`).join(', ');
}

/** The select list of `VersionRow`. */
export function versionColumns(alias: string): string {
  return `${alias}.kind, ${alias}.key, ${alias}.valid_from_seq AS seq, ${stateColumns(alias)}, ${alias}.origins`;
}

/**
 * The seq at which a version ends, null for its entity's newest. Versions are never changed once they are stored: one ends where the next
 * begins. As a subquery of one value this stays a look by the entity's key, whatever the planner believes of the table.
 */
export function endOf(alias: string): string {
  return `(SELECT n.valid_from_seq FROM entity_versions n
    WHERE n.graph_id = ${alias}.graph_id AND n.kind = ${alias}.kind AND n.key = ${alias}.key
      AND n.valid_from_seq > ${alias}.valid_from_seq
    ORDER BY n.valid_from_seq LIMIT 1)`;
}

/** That a version which began at or before a seq has not ended there. */
export function lastsAt(alias: string, seq: string): string {
  return `coalesce(${endOf(alias)} > ${seq}, true)`;
}

/** `VersionRow` for a packed query. */
export const VERSION: PackedColumns<VersionRow> = {
  kind: 'json',
  key: 'json',
  seq: 'bigint',
  present: 'json',
  labels: 'json',
  type: 'json',
  start_key: 'json',
  end_key: 'json',
  properties: 'json',
  origins: 'json',
};

/** `ChangeRow` for a packed query. */
export const CHANGE: PackedColumns<ChangeRow> = {
  ...VERSION,
  before_present: 'json',
  before_labels: 'json',
  before_type: 'json',
  before_start_key: 'json',
  before_end_key: 'json',
  before_properties: 'json',
};

export function refOf(row: RefColumns): EntityRef {
  return { kind: kindOf(row.kind), key: row.key };
}

/** The state that a row holds, null when the entity is absent there. */
export function stateOf(ref: EntityRef, row: StateColumns): EntityState | null {
  if (row.present !== true) return null;
  const { key } = ref;
  const properties = row.properties ?? {};
  if (ref.kind === 'NODE') return { kind: 'NODE', key, labels: row.labels ?? [], properties };
  const { type, start_key: start, end_key: end } = row;
  return { kind: 'RELATIONSHIP', key, type: type ?? '', start: start ?? '', end: end ?? '', properties };
}

export function versionOf(row: VersionRow): RecordedVersion {
  const ref = refOf(row);
  return { ...ref, seq: row.seq, state: stateOf(ref, row), origins: row.origins };
}

export function beforeOf(ref: EntityRef, row: ChangeRow): EntityState | null {
  return stateOf(ref, {
    present: row.before_present,
    labels: row.before_labels,
    type: row.before_type,
    start_key: row.before_start_key,
    end_key: row.before_end_key,
    properties: row.before_properties,
  });
}

/** Entities as two array parameters, for `unnest($kinds::int2[], $keys::text[])`. */
export function refArrays(refs: readonly EntityRef[]): readonly [kinds: Uint8Array, keys: Uint8Array] {
  return [int2Array(refs.map((ref) => kindNumber(ref.kind))), textArray(refs.map((ref) => ref.key))];
}
