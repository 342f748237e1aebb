import { chunks } from '../../../core/chunks.ts';
import type {
  EntityBinding,
  EntityChange,
  EntityKind,
  EntityState,
  RelationshipState,
} from '../../../core/entities.ts';
import { ConstraintError } from '../../../core/errors.ts';
import type { Statements } from '../connection.ts';
import { localIdOf, type Places, placesIn, placesOf } from './element-ids.ts';
import type { Located } from './lookup.ts';
import { type Creation, type Deletion, type Phases, phasesOf, type Update } from './write-phases.ts';

/** Rows that one statement writes: enough to make its cost per row flat, few enough to bound its parameters. */
const ROWS_PER_STATEMENT = 5000;

const IDS = placesIn('ids');
const DELETE_RELATIONSHIPS = `MATCH ()-[e]->() WHERE elementId(e) IN ${IDS} DELETE e RETURN count(e) AS n`;
const STILL_TIED = `MATCH (e) WHERE elementId(e) IN ${IDS} AND EXISTS { (e)--() } RETURN elementId(e) AS id LIMIT 1`;
/** What is still tied would be refused, but only when the transaction commits, and without a word of which it is. */
const DELETE_NODES = `MATCH (e) WHERE elementId(e) IN ${IDS} AND NOT EXISTS { (e)--() } DELETE e RETURN count(e) AS n`;
/** What each entity is to have is in a list of its own, in one order: names of columns in every row would be packed and read as often. */
const EACH = 'UNWIND range(0, size($values) - 1) AS i';
const CREATE_NODES = `WITH $values AS values, $labels AS labels ${EACH} CREATE (e:$(labels[i])) SET e = values[i] RETURN i, elementId(e) AS id`;
const CREATE_RELATIONSHIPS = `WITH $values AS values, $types AS types, ${placesIn('starts')} AS starts, ${placesIn('ends')} AS ends ${EACH}
  MATCH (s) WHERE elementId(s) = starts[i] MATCH (t) WHERE elementId(t) = ends[i]
  CREATE (s)-[e:$(types[i])]->(t) SET e = values[i] RETURN i, elementId(e) AS id`;
const ROWS = `WITH $values AS values, ${IDS} AS ids ${EACH}`;
const NODE_ROW = `${ROWS} MATCH (e) WHERE elementId(e) = ids[i]`;
const RELATIONSHIP_ROW = `${ROWS} MATCH ()-[e]->() WHERE elementId(e) = ids[i]`;
const SET_VALUES = 'SET e += values[i] RETURN count(e) AS n';
const ADD_LABELS = `${NODE_ROW} SET e:$(values[i]) RETURN count(e) AS n`;
const REMOVE_LABELS = `${NODE_ROW} REMOVE e:$(values[i]) RETURN count(e) AS n`;

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
  const nodes = await create(tx, located, 'NODE', phases.nodesCreated, (part) => ({
    labels: part.map(({ state }) => state.labels),
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
  for (const part of chunks(deletions, ROWS_PER_STATEMENT)) {
    const ids = part.map((deletion) => placeOf(located, kind, deletion, 'to delete'));
    const text = kind === 'NODE' ? DELETE_NODES : DELETE_RELATIONSHIPS;
    const params = { ids: placesOf(ids) };
    let deleted = Number((await tx.run(text, params))[0]?.n);
    if (kind === 'NODE' && deleted < ids.length) {
      refuseTied(await tx.run(STILL_TIED, params), ids, part);
      // Somebody has untied them meanwhile, or they are gone.
      deleted += Number((await tx.run(text, params))[0]?.n);
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
  for (const part of chunks(unlabelled, ROWS_PER_STATEMENT)) {
    const values = part.map(({ removeLabels }) => removeLabels);
    await tx.run(REMOVE_LABELS, { ids: placesToUpdate(located, 'NODE', part), values });
  }
  for (const [kind, updates] of [
    ['NODE', phases.nodesUpdated],
    ['RELATIONSHIP', phases.relationshipsUpdated],
  ] as const) {
    for (const part of chunks(
      updates.filter((change) => change.release.length > 0),
      ROWS_PER_STATEMENT,
    )) {
      const values = part.map(({ release }) => Object.fromEntries(release.map((name) => [name, null])));
      await tx.run(`${rowOf(kind)} ${SET_VALUES}`, { ids: placesToUpdate(located, kind, part), values });
    }
  }
}

async function create<State extends EntityState>(
  tx: Statements,
  located: Located,
  kind: EntityKind,
  creations: readonly Creation<State>[],
  more: (part: readonly Creation<State>[]) => Readonly<Record<string, unknown>>,
): Promise<EntityBinding[]> {
  const bindings: EntityBinding[] = [];
  for (const part of chunks(creations, ROWS_PER_STATEMENT)) {
    const text = kind === 'NODE' ? CREATE_NODES : CREATE_RELATIONSHIPS;
    const created = await tx.run(text, { values: part.map(({ properties }) => properties), ...more(part) });
    expectAll(created.length, part.length, `ends of ${nameOf(kind)} to create`);
    for (const { i, id } of created) {
      const key = part[Number(i)]?.state.key;
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
  const endOf = ({ at }: Creation<RelationshipState>, key: string): string => {
    const id = located.elementId('NODE', key);
    if (id === undefined)
      throw new ConstraintError(`there is no node ${key} for the relationship to end at`, 'end', at, key);
    return id;
  };
  return create(tx, located, 'RELATIONSHIP', creations, (part) => ({
    starts: placesOf(part.map((creation) => endOf(creation, creation.state.start))),
    ends: placesOf(part.map((creation) => endOf(creation, creation.state.end))),
    types: part.map(({ state }) => state.type),
  }));
}

async function update(tx: Statements, located: Located, kind: EntityKind, updates: readonly Update[]): Promise<void> {
  for (const part of chunks(updates, ROWS_PER_STATEMENT)) {
    const params = { ids: placesToUpdate(located, kind, part), values: part.map(({ set }) => set) };
    const [row] = await tx.run(`${rowOf(kind)} ${SET_VALUES}`, params);
    expectAll(row?.n, part.length, `${nameOf(kind)} to update`);
  }
  for (const part of chunks(
    updates.filter(({ addLabels }) => addLabels.length > 0),
    ROWS_PER_STATEMENT,
  )) {
    const values = part.map(({ addLabels }) => addLabels);
    await tx.run(ADD_LABELS, { ids: placesToUpdate(located, kind, part), values });
  }
}

function rowOf(kind: EntityKind): string {
  return kind === 'NODE' ? NODE_ROW : RELATIONSHIP_ROW;
}

function nameOf(kind: EntityKind): string {
  return kind === 'NODE' ? 'nodes' : 'relationships';
}

function placesToUpdate(located: Located, kind: EntityKind, part: readonly Update[]): Places {
  return placesOf(part.map((change) => placeOf(located, kind, change, 'to update')));
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
