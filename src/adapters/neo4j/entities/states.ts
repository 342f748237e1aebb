import { DateTime } from 'neo4j-driver';
import { sortedLabels } from '../../../core/canonical.ts';
import type { EntityKind, EntityState } from '../../../core/entities.ts';
import { propertiesOf } from '../../../core/properties.ts';
import { canonicalDateTime } from '../../../core/temporals.ts';
import type { Properties, Value } from '../../../core/values.ts';
import type { Row, Statements } from '../connection.ts';
import { isOurs } from '../names.ts';
import type { Cypher } from './cypher.ts';
import { localIdOf, placesOf } from './element-ids.ts';
import { fromDriver } from './values.ts';

/** An entity as it was found, and where. */
export interface Found {
  readonly localId: bigint;
  readonly elementId: string;
  readonly state: EntityState;
}

/** Makes states of rows. What has no key, or is the service's own, is no entity and left out. */
export class StateReader {
  readonly #cypher: Cypher;
  readonly #hidden: ReadonlySet<string>;

  /** @param hidden properties that are no part of a state: the key, and what other triggers compute */
  constructor(cypher: Cypher, hidden: ReadonlySet<string>) {
    this.#cypher = cypher;
    this.#hidden = hidden;
  }

  /**
   * The offset that goes with a named zone at a moment is told by the graph, which others read it from, not by the driver's own table
   * of zones: entities with such a value are read again, as text.
   */
  async read(on: Statements, kind: EntityKind, rows: readonly Row[]): Promise<Found[]> {
    const zoned = rows.filter(hasNamedZone);
    const texts = new Map<unknown, Row>();
    if (zoned.length > 0) {
      const text = kind === 'NODE' ? this.#cypher.nodeTexts : this.#cypher.relationshipTexts;
      for (const row of await on.run(text, { ids: placesOf(zoned.map(({ id }) => String(id))) }))
        texts.set(row.id, row);
    }
    const again = new Set<unknown>(zoned.map(({ id }) => id));
    const found: Found[] = [];
    for (const row of rows) {
      const entity = this.#found(kind, again.has(row.id) ? texts.get(row.id) : row);
      if (entity !== null) found.push(entity);
    }
    return found;
  }

  #found(kind: EntityKind, row: Row | undefined): Found | null {
    if (row === undefined || typeof row.key !== 'string' || typeof row.id !== 'string') return null;
    const { id, key } = row;
    const properties = this.#properties(row);
    const at = { localId: localIdOf(id), elementId: id };
    if (kind === 'NODE') {
      const labels = texts(row.labels);
      if (isOurs(labels)) return null;
      return { ...at, state: { kind, key, labels: labels.length < 2 ? labels : sortedLabels(labels), properties } };
    }
    const { type, start, end } = row;
    // An end without a key is no entity, so neither is what hangs on it.
    if (typeof type !== 'string' || typeof start !== 'string' || typeof end !== 'string') return null;
    return { ...at, state: { kind, key, type, start, end, properties } };
  }

  #properties(row: Row): Properties {
    const properties = asMap(row.properties);
    const values: [string, Value][] = [];
    const zoned = row.texts === undefined ? NONE : new Map(zonedTexts(row.texts));
    for (const name of Object.keys(properties)) {
      if (this.#hidden.has(name)) continue;
      const text = zoned.get(name);
      values.push([name, text === undefined ? fromDriver(properties[name]) : zonedValue(text)]);
    }
    return propertiesOf(values);
  }
}

const NONE: ReadonlyMap<string, unknown> = new Map();

function hasNamedZone(row: Row): boolean {
  const properties = asMap(row.properties);
  for (const name of Object.keys(properties)) {
    if (typeof properties[name] === 'object' && holdsNamedZone(properties[name])) return true;
  }
  return false;
}

function holdsNamedZone(value: unknown): boolean {
  // What the driver could not make of the bytes it received, a zone in a far year, throws whatever it is asked for.
  try {
    if (Array.isArray(value)) return typeof value[0] === 'object' && value.some(isNamedZone);
    return isNamedZone(value);
  } catch {
    return true;
  }
}

function isNamedZone(value: unknown): boolean {
  return value instanceof DateTime && Boolean(value.timeZoneId);
}

function zonedTexts(pairs: unknown): [string, unknown][] {
  if (!Array.isArray(pairs)) return [];
  return pairs.map((pair: unknown) => {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string') throw new TypeError('not a name and a text');
    return [pair[0], pair[1]];
  });
}

function zonedValue(text: unknown): Value {
  if (Array.isArray(text)) return { $list: { of: 'DATETIME', values: text.map(dateTime) } };
  return { $dateTime: dateTime(text) };
}

function dateTime(text: unknown): string {
  const canonical = typeof text === 'string' ? canonicalDateTime(text) : null;
  if (canonical === null) throw new TypeError('not a date and time');
  return canonical;
}

function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError('not a list of names');
  return value.map(String);
}

function asMap(value: unknown): Row {
  if (typeof value !== 'object' || value === null) throw new TypeError('not properties');
  return value as Row; // Any object is a map from names to something.
}
