import { type Constraint, isUnique } from '../../../core/constraints.ts';
import type { EntityKind } from '../../../core/entities.ts';
import type { ElementType, Value } from '../../../core/values.ts';
import type { GraphConstraints, Holder } from '../../../ports/graph-constraints.ts';
import type { Connection, Row } from '../connection.ts';
import { toDriver, UnstorableError } from '../entities/values.ts';
import { rethrow } from '../errors.ts';
import { isOurs, quoted, quotedKeyProperty } from '../names.ts';

/** By the end of the type's name, which the kind of entity begins. */
const KINDS: readonly (readonly [string, Constraint['kind']])[] = [
  ['UNIQUENESS', 'UNIQUE'],
  ['KEY', 'KEY'],
  ['EXISTENCE', 'EXISTENCE'],
  ['TYPE', 'TYPE'],
];

const TYPES: Readonly<Record<string, ElementType>> = {
  BOOLEAN: 'BOOLEAN',
  STRING: 'STRING',
  INTEGER: 'INTEGER',
  FLOAT: 'FLOAT',
  DATE: 'DATE',
  'LOCAL TIME': 'LOCAL_TIME',
  'ZONED TIME': 'TIME',
  'LOCAL DATETIME': 'LOCAL_DATETIME',
  'ZONED DATETIME': 'DATETIME',
  DURATION: 'DURATION',
  POINT: 'POINT',
};
const LIST = /^LIST<(.+?)(?: NOT NULL)?>$/;

/** The constraints of a Neo4j graph. Community has those of uniqueness, Enterprise all. */
export class Neo4jConstraints implements GraphConstraints {
  readonly #connection: Connection;
  readonly #keyProperty: string;

  constructor(connection: Connection, keyProperty: string) {
    this.#connection = connection;
    this.#keyProperty = keyProperty;
  }

  async read(): Promise<readonly Constraint[]> {
    const rows = await this.#connection.read('SHOW CONSTRAINTS YIELD * RETURN * ORDER BY name').catch(rethrow);
    return rows.flatMap((row) => constraintOf(row) ?? []);
  }

  async holders(constraint: Constraint, tuples: readonly (readonly Value[])[]): Promise<readonly Holder[]> {
    const wanted = tuples.flatMap((tuple, at) => {
      const values = tuple.map(storable);
      return values.includes(null) ? [] : [{ at: BigInt(at), values }];
    });
    if (wanted.length === 0) return [];
    const rows = await this.#connection.read(this.#holdersOf(constraint), { wanted }).catch(rethrow);
    return rows.flatMap(({ at, key }): Holder[] =>
      typeof key === 'string' ? [{ at: Number(at), ref: { kind: constraint.entity, key } }] : [],
    );
  }

  /** Names stand in the text here: an index is only used for a label that the planner can read. */
  #holdersOf({ entity, subject, properties }: Constraint): string {
    const pattern = entity === 'NODE' ? `(e:${quoted(subject)})` : `()-[e:${quoted(subject)}]->()`;
    const same = properties.map((name, at) => `e.${quoted(name)} = w.values[${at}]`).join(' AND ');
    return `UNWIND $wanted AS w MATCH ${pattern} WHERE ${same} RETURN w.at AS at, e.${quotedKeyProperty(this.#keyProperty)} AS key`;
  }
}

function constraintOf({ name, type, entityType, labelsOrTypes, properties, propertyType }: Row): Constraint | null {
  const kind = KINDS.find(([end]) => String(type).endsWith(end))?.[1];
  const [subject] = texts(labelsOrTypes);
  if (kind === undefined || subject === undefined || isOurs([subject])) return null;
  const entity: EntityKind = entityType === 'NODE' ? 'NODE' : 'RELATIONSHIP';
  const types = kind === 'TYPE' ? String(propertyType).split(' | ').flatMap(typeNames) : [];
  const constraint = { name: String(name), kind, entity, subject, properties: texts(properties), types };
  return isUnique(constraint) ? { ...constraint, comparesNumbers: true } : constraint;
}

/** A type as Neo4j names it, as `typeNameOf` does. */
function typeNames(type: string): string[] {
  const element = LIST.exec(type)?.[1];
  const name = TYPES[element ?? type];
  if (name !== undefined) return [element === undefined ? name : `LIST OF ${name}`];
  return [];
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Null for what Neo4j cannot hold, so nobody there has it. */
function storable(value: Value): ReturnType<typeof toDriver> | null {
  try {
    return toDriver(value);
  } catch (error) {
    if (error instanceof UnstorableError) return null;
    throw error;
  }
}
