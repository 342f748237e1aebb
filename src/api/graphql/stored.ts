import { isRecord } from '../../core/decoded.ts';
import type { EntityState } from '../../core/entities.ts';
import type { ChangeSummary } from '../../core/moments.ts';
import type { SchemaChange, SchemaItem } from '../../core/schema-changes.ts';
import type { Value } from '../../core/values.ts';

/**
 * Reading what services stored as JSON. The content was validated when it was written, so these functions only give it its type; an
 * unexpected shape is a defect and fails loudly rather than as a wrong answer.
 */

export function storedState(json: unknown): EntityState | null {
  if (json === null || json === undefined) return null;
  if (!isRecord(json) || typeof json.key !== 'string') throw new TypeError('a stored state has an unknown shape');
  // Written by the planner as an EntityState and never edited since.
  return json as unknown as EntityState;
}

export function storedValue(json: unknown): Value | null {
  if (json === null || json === undefined) return null;
  // Written in canonical form.
  return json as Value;
}

export function storedSummary(json: unknown): ChangeSummary | null {
  if (!isRecord(json)) return null;
  return {
    nodesCreated: storedBigInt(json.nodesCreated),
    nodesUpdated: storedBigInt(json.nodesUpdated),
    nodesDeleted: storedBigInt(json.nodesDeleted),
    relationshipsCreated: storedBigInt(json.relationshipsCreated),
    relationshipsUpdated: storedBigInt(json.relationshipsUpdated),
    relationshipsDeleted: storedBigInt(json.relationshipsDeleted),
  };
}

/** A count kept as a number or as decimal text; absent is 0. */
export function storedBigInt(json: unknown): bigint {
  if (json === null || json === undefined) return 0n;
  if (typeof json === 'number' || typeof json === 'string') return BigInt(json);
  throw new TypeError('a stored count has an unknown shape');
}

export function storedBigIntOrNull(json: unknown): bigint | null {
  return json === null || json === undefined ? null : storedBigInt(json);
}

export function storedText(json: unknown): string | null {
  return typeof json === 'string' ? json : null;
}

export function storedSchemaChanges(json: unknown): SchemaChange[] {
  if (!Array.isArray(json)) return [];
  const item = (side: unknown): SchemaItem | null => storedSchema([side])?.[0] ?? null;
  return json.filter(isRecord).map(({ before, after }) => ({ before: item(before), after: item(after) }));
}

export function storedSchema(json: unknown): SchemaItem[] | null {
  if (!Array.isArray(json)) return null;
  return json.filter(isRecord).map((item) => ({
    name: String(item.name),
    kind: String(item.kind),
    definition: String(item.definition),
  }));
}
