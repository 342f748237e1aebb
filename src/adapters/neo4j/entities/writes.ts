import type {
  EntityBinding,
  EntityChange,
  EntityKind,
  EntityState,
  RelationshipState,
} from '../../../core/entities.ts';
import { ConstraintError } from '../../../core/errors.ts';
import type { Statements } from '../connection.ts';
import { localIdOf } from './element-ids.ts';
import type { Located } from './lookup.ts';
import { type Creation, type Deletion, type Phases, phasesOf, type Update } from './write-phases.ts';

/** Rows that one statement writes: enough to make its cost per row flat, few enough to bound its parameters. */
const ROWS_PER_STATEMENT = 5000;

const DELETE_RELATIONSHIPS = 'MATCH ()-[e]->() WHERE elementId(e) IN $ids DELETE e RETURN count(e) AS n';
const STILL_TIED = 'MATCH (e) WHERE elementId(e) IN $ids AND EXISTS { (e)--() } RETURN elementId(e) AS id LIMIT 1';
/** What is still tied would be refused, but only when the transaction commits, and without a word of which it is. */
const DELETE_NODES = 'MATCH (e) WHERE elementId(e) IN $ids AND NOT EXISTS { (e)--() } DELETE e RETURN count(e) AS n';
const CREATE_NODES = 'UNWIND $rows AS x CREATE (e:$(x.labels)) SET e = x.p RETURN x.at AS at, elementId(e) AS id';
const CREATE_RELATIONSHIPS = `UNWIND $rows AS x MATCH (s) WHERE elementId(s) = x.s MATCH (t) WHERE elementId(t) = x.t
  CREATE (s)-[e:$(x.type)]->(t) SET e = x.p RETURN x.at AS at, elementId(e) AS id`;
const NODE_ROW = 'UNWIND $rows AS x MATCH (e) WHERE elementId(e) = x.id';
const RELATIONSHIP_ROW = 'UNWIND $rows AS x MATCH ()-[e]->() WHERE elementId(e) = x.id';
const SET_VALUES = 'SET e += x.p RETURN count(e) AS n';
const ADD_LABELS = `${NODE_ROW} SET e:$(x.labels) RETURN count(e) AS n`;
const REMOVE_LABELS = `${NODE_ROW} REMOVE e:$(x.labels) RETURN count(e) AS n`;

/** Properties that are no part of a state. */
export interface PropertyRoles {
  readonly keyProperty: string;
  /** What other triggers compute. */
  readonly derivedProperties: readonly string[];
}

/** Finds what a write speaks of and the transaction has not locked. */
export interface Ends {
  /** Adds to `located` those of the nodes that exist. */
  locate(keys: readonly string[]): Promise<void>;
}

/**
 * Writes net changes set by set, in the order that keeps the graph whole: relationships deleted, nodes deleted, values and labels that
 * others may take given up, nodes created, nodes updated, relationships created, relationships updated.
 *
 * @returns where the created entities are
 * @throws ConstraintError, Neo4jError as the graph refuses
 */
export async function writeChanges(
  tx: Statements,
  located: Located,
  ends: Ends,
  changes: readonly EntityChange[],
  { keyProperty, derivedProperties }: PropertyRoles,
): Promise<EntityBinding[]> {
  const phases = phasesOf(changes, keyProperty, derivedProperties);
  await deleteEntities(tx, located, 'RELATIONSHIP', phases.relationshipsDeleted);
  await deleteEntities(tx, located, 'NODE', phases.nodesDeleted);
  await release(tx, located, phases);
  const nodes = await create(tx, located, 'NODE', phases.nodesCreated, ({ at, state, properties }) => ({
    at: BigInt(at),
    labels: state.labels,
    p: properties,
  }));
  await update(tx, located, 'NODE', phases.nodesUpdated);
  const relationships = await createRelationships(tx, located, ends, phases.relationshipsCreated);
  await update(tx, located, 'RELATIONSHIP', phases.relationshipsUpdated);
  return [...nodes, ...relationships];
}

async function deleteEntities(
  tx: Statements,
  located: Located,
  kind: EntityKind,
  deletions: readonly Deletion[],
): Promise<void> {
  for (const part of chunks(deletions)) {
    const ids = part.map((deletion) => placeOf(located, kind, deletion, 'to delete'));
    const text = kind === 'NODE' ? DELETE_NODES : DELETE_RELATIONSHIPS;
    let deleted = Number((await tx.run(text, { ids }))[0]?.n);
    if (kind === 'NODE' && deleted < ids.length) {
      refuseTied(await tx.run(STILL_TIED, { ids }), ids, part);
      // Somebody has untied them meanwhile, or they are gone.
      deleted += Number((await tx.run(text, { ids }))[0]?.n);
    }
    expectAll(deleted, part.length, `${nameOf(kind)} to delete`);
    for (const { key } of part) located.remove(kind, key);
  }
}

function refuseTied(
  rows: readonly { readonly id?: unknown }[],
  ids: readonly string[],
  part: readonly Deletion[],
): void {
  const [row] = rows;
  if (row === undefined) return;
  const tied = part[ids.indexOf(String(row.id))];
  const key = tied?.key ?? '';
  throw new ConstraintError(`node ${key} still has relationships`, 'relationships-left', tied?.at ?? null, key);
}

async function release(tx: Statements, located: Located, phases: Phases): Promise<void> {
  const unlabelled = phases.nodesUpdated.filter(({ removeLabels }) => removeLabels.length > 0);
  for (const part of chunks(unlabelled)) {
    const rows = part.map((change) => ({
      id: placeOf(located, 'NODE', change, 'to update'),
      labels: change.removeLabels,
    }));
    await tx.run(REMOVE_LABELS, { rows });
  }
  for (const [kind, updates] of [
    ['NODE', phases.nodesUpdated],
    ['RELATIONSHIP', phases.relationshipsUpdated],
  ] as const) {
    for (const part of chunks(updates.filter((change) => change.release.length > 0))) {
      const rows = part.map((change) => ({
        id: placeOf(located, kind, change, 'to update'),
        p: Object.fromEntries(change.release.map((name) => [name, null])),
      }));
      await tx.run(`${rowOf(kind)} ${SET_VALUES}`, { rows });
    }
  }
}

async function create<State extends EntityState>(
  tx: Statements,
  located: Located,
  kind: EntityKind,
  creations: readonly Creation<State>[],
  row: (creation: Creation<State>) => Readonly<Record<string, unknown>>,
): Promise<EntityBinding[]> {
  const bindings: EntityBinding[] = [];
  for (const part of chunks(creations)) {
    const keys = new Map(part.map(({ at, state }) => [BigInt(at), state.key]));
    const text = kind === 'NODE' ? CREATE_NODES : CREATE_RELATIONSHIPS;
    const created = await tx.run(text, { rows: part.map(row) });
    expectAll(created.length, part.length, `ends of ${nameOf(kind)} to create`);
    for (const { at, id } of created) {
      const key = typeof at === 'bigint' ? keys.get(at) : undefined;
      if (key === undefined || typeof id !== 'string') throw new TypeError('not a created entity');
      const localId = localIdOf(id);
      located.add(kind, key, { localId, elementId: id });
      bindings.push({ kind, key, localId });
    }
  }
  return bindings;
}

async function createRelationships(
  tx: Statements,
  located: Located,
  ends: Ends,
  creations: readonly Creation<RelationshipState>[],
): Promise<EntityBinding[]> {
  const keys = new Set(creations.flatMap(({ state }) => [state.start, state.end]));
  await ends.locate([...keys].filter((key) => located.elementId('NODE', key) === undefined));
  const endOf = (at: number, key: string): string => {
    const id = located.elementId('NODE', key);
    if (id === undefined)
      throw new ConstraintError(`there is no node ${key} for the relationship to end at`, 'end', at, key);
    return id;
  };
  return create(tx, located, 'RELATIONSHIP', creations, ({ at, state, properties }) => ({
    at: BigInt(at),
    s: endOf(at, state.start),
    t: endOf(at, state.end),
    type: state.type,
    p: properties,
  }));
}

async function update(tx: Statements, located: Located, kind: EntityKind, updates: readonly Update[]): Promise<void> {
  for (const part of chunks(updates)) {
    const rows = part.map((change) => ({ id: placeOf(located, kind, change, 'to update'), p: change.set }));
    const [row] = await tx.run(`${rowOf(kind)} ${SET_VALUES}`, { rows });
    expectAll(row?.n, part.length, `${nameOf(kind)} to update`);
  }
  for (const part of chunks(updates.filter(({ addLabels }) => addLabels.length > 0))) {
    const rows = part.map((change) => ({ id: placeOf(located, kind, change, 'to update'), labels: change.addLabels }));
    await tx.run(ADD_LABELS, { rows });
  }
}

function rowOf(kind: EntityKind): string {
  return kind === 'NODE' ? NODE_ROW : RELATIONSHIP_ROW;
}

function nameOf(kind: EntityKind): string {
  return kind === 'NODE' ? 'nodes' : 'relationships';
}

/** @throws ConstraintError when the transaction has not found the entity */
function placeOf(
  located: Located,
  kind: EntityKind,
  { at, key }: { readonly at: number; readonly key: string },
  what: string,
): string {
  const id = located.elementId(kind, key);
  if (id === undefined) throw new ConstraintError(`${nameOf(kind)} ${what}: ${key} is gone`, 'gone', at, key);
  return id;
}

/** An entity was not as the writer had locked it: it came or went meanwhile, or was never locked. */
function expectAll(count: unknown, expected: number, what: string): void {
  const found = Number(count);
  if (found !== expected) throw new ConstraintError(`${expected - found} of ${expected} ${what} are gone`, 'gone');
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += ROWS_PER_STATEMENT)
    yield items.slice(from, from + ROWS_PER_STATEMENT);
}
