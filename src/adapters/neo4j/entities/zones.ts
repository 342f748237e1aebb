import type { EntityChange } from '../../../core/entities.ts';
import { ConstraintError } from '../../../core/errors.ts';
import { canonicalDateTime } from '../../../core/temporals.ts';
import type { Value } from '../../../core/values.ts';
import type { Statements } from '../connection.ts';
import { type DriverValue, toDriver, UnstorableError } from './values.ts';

/**
 * Neo4j keeps a moment and the name of a zone, and takes the offset from its own table of zones. A text with another offset would come back
 * as another one: what the graph does not give back as it is, is refused.
 *
 * @throws ConstraintError
 */
export async function checkZones(tx: Statements, changes: readonly EntityChange[]): Promise<void> {
  const firsts = new Map<string, number>();
  for (const [at, { after }] of changes.entries()) {
    for (const value of Object.values(after?.properties ?? {})) {
      for (const text of namedZones(value)) if (!firsts.has(text)) firsts.set(text, at);
    }
  }
  if (firsts.size === 0) return;
  const wanted = [...firsts.keys()];
  const values = wanted.map((text) => driverValue(text, firsts.get(text) ?? null));
  const rows = await tx.run('UNWIND $values AS value RETURN toString(value) AS text', { values });
  for (const [index, text] of wanted.entries()) {
    const kept = rows[index]?.text;
    if (typeof kept === 'string' && canonicalDateTime(kept) === text) continue;
    throw new ConstraintError(`Neo4j would keep ${text} as ${kept}`, 'value', firsts.get(text) ?? null);
  }
}

function driverValue($dateTime: string, at: number | null): DriverValue {
  try {
    return toDriver({ $dateTime });
  } catch (error) {
    throw error instanceof UnstorableError ? new ConstraintError(error.message, 'value', at) : error;
  }
}

function namedZones(value: Value): readonly string[] {
  if (typeof value !== 'object') return [];
  if ('$dateTime' in value) return value.$dateTime.endsWith(']') ? [value.$dateTime] : [];
  if (!('$list' in value) || value.$list.of !== 'DATETIME') return [];
  return value.$list.values.filter((text) => typeof text === 'string').filter((text) => text.endsWith(']'));
}
