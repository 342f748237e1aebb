import { sameValue, sortedLabels } from '../../../core/canonical.ts';
import { isDelta } from '../../../core/deltas.ts';
import { type EntityBinding, type EntityKind, entityId } from '../../../core/entities.ts';
import { propertiesOf } from '../../../core/properties.ts';
import type { CapturedChange } from '../../../core/recording-types.ts';
import type { Value } from '../../../core/values.ts';
import { isOurs } from '../names.ts';
import { columnValues, type Json, listOf, parsePayload } from './values.ts';

/** How an entity is told apart within one transaction: by local id what the transaction created or deleted, else by key. */
type Name = number | string;

/** What the columns say of one entity. */
interface Draft {
  readonly kind: EntityKind;
  readonly properties: Map<string, { readonly before: Value | null; readonly after: Value | null }>;
  readonly gained: string[];
  readonly lost: string[];
  localId: number | null;
  /** The key it has now, as far as the columns say. */
  key: string | null;
  /** What the key property was, where a column tells. */
  keyWas: Value | null | undefined;
  created: boolean;
  deleted: boolean;
  /** A node of the service's own. */
  ours: boolean;
  ends: { readonly type: string; readonly start: string; readonly end: string } | null;
}

export interface DecodedEntity {
  readonly change: CapturedChange;
  readonly binding: EntityBinding | null;
}

/** What one transaction did to entities, without those that it left as they were. */
export interface Decoded {
  /** Sorted by kind and key, each with where the graph keeps it, if the columns tell. */
  readonly entities: readonly DecodedEntity[];
  /** Entities that are left out because they have no fit key. */
  readonly keyless: number;
  /** Keys of the user's own that were changed or taken away. */
  readonly rekeyed: readonly string[];
  /** Keys of the user's own that several entities were created with, all but one of which are left out. */
  readonly doubled: readonly string[];
}

export interface DraftOptions {
  /** Of the keys that the trigger gave in the transaction. */
  readonly prefix: string;
  readonly keyProperty: string;
  /** Whether the trigger gives keys, or the property is the user's own. */
  readonly givesKeys: boolean;
  /** Which entities are looked at, where a transaction is taken in several turns. */
  readonly wanted?: (kind: EntityKind, name: Name) => boolean;
}

/** Puts the columns of a transaction's outbox nodes together, entity by entity. */
export class OutboxDraft {
  readonly #options: DraftOptions;
  readonly #nodes = new Map<Name, Draft>();
  readonly #relationships = new Map<Name, Draft>();

  constructor(options: DraftOptions) {
    this.#options = options;
  }

  /** Adds one outbox node's payload. @throws TypeError, SyntaxError when it is not what the trigger writes */
  add(payload: string): void {
    let rows: readonly Json[] = [];
    for (const column of listOf(parsePayload(payload))) {
      const [section, name, names, ...rest] = listOf(column);
      // The same entities as in the column before.
      rows = names === true ? rows : listOf(names);
      this.#column(section, name, rows, rest);
    }
  }

  result(): Decoded {
    const { givesKeys } = this.#options;
    const entities: DecodedEntity[] = [];
    const rekeyed: string[] = [];
    let keyless = 0;
    for (const draft of [...this.#nodes.values(), ...this.#relationships.values()]) {
      if (draft.ours) continue;
      const { kind, localId, keyWas } = draft;
      if (!givesKeys && !draft.created && !draft.deleted && keyWas !== undefined && keyWas !== draft.key) {
        rekeyed.push(typeof keyWas === 'string' ? keyWas : '');
        continue;
      }
      if (isEmpty(draft)) continue;
      const key = this.#keyOf(draft);
      if (key === null || (kind === 'RELATIONSHIP' && draft.created && draft.ends === null)) {
        if (!draft.deleted) keyless += 1;
        continue;
      }
      const binding = localId === null ? null : { kind, key, localId: BigInt(localId) };
      entities.push({ change: changeOf(draft, key), binding });
    }
    const { kept, doubled } = onePerKey(entities);
    return { entities: kept, keyless, rekeyed, doubled };
  }

  #keyOf({ deleted, key, keyWas, localId }: Draft): string | null {
    const { givesKeys, prefix } = this.#options;
    if (deleted) return typeof keyWas === 'string' && keyWas !== '' ? keyWas : null;
    return key ?? (givesKeys && localId !== null ? `${prefix}-${localId}` : null);
  }

  #column(section: Json | undefined, name: Json | undefined, rows: readonly Json[], rest: readonly Json[]): void {
    if (typeof section !== 'string' || typeof name !== 'string') throw new TypeError('a column without a name');
    const kind = section.startsWith('N') || section.startsWith('L') ? 'NODE' : 'RELATIONSHIP';
    if (section === 'N+' || section === 'R+') this.#created(kind, rows, rest);
    else if (section === 'N-' || section === 'R-') this.#deleted(kind, rows);
    else if (section === 'L+' || section === 'L-') this.#label(rows, name, section === 'L+');
    else if (/^[NR][PR]$/.test(section)) this.#property(kind, rows, name, rest);
    else throw new TypeError(`no column ${section}`);
  }

  #created(kind: EntityKind, rows: readonly Json[], [keys, types, starts, ends]: readonly Json[]): void {
    const { givesKeys, prefix } = this.#options;
    for (const [at, id] of rows.entries()) {
      const key = Array.isArray(keys) ? textOf(keys[at]) : null;
      // What the service restored is named by the key that it brought.
      const draft = this.#draft(kind, givesKeys && key !== null && !key.startsWith(`${prefix}-`) ? key : id);
      if (draft === null) continue;
      draft.created = true;
      draft.localId = numberOf(id);
      draft.key = key;
      if (kind === 'NODE') continue;
      const type = textOf(listOf(types)[at]);
      const [start, end] = [starts, ends].map((list) => this.#endKey(listOf(list)[at]));
      draft.ends = !type || !start || !end ? null : { type, start, end };
    }
  }

  /** Of an end that the transaction created there is only the local id. */
  #endKey(end: Json | undefined): string | null {
    return typeof end === 'number' ? `${this.#options.prefix}-${end}` : textOf(end);
  }

  #deleted(kind: EntityKind, rows: readonly Json[]): void {
    for (const id of rows) {
      const draft = this.#draft(kind, id);
      if (draft !== null) draft.deleted = true;
    }
  }

  #label(rows: readonly Json[], label: string, isGained: boolean): void {
    const ours = isOurs([label]);
    for (const name of rows) {
      const draft = this.#draft('NODE', name);
      if (draft === null) continue;
      if (ours) draft.ours = true;
      else (isGained ? draft.gained : draft.lost).push(label);
    }
  }

  #property(kind: EntityKind, rows: readonly Json[], name: string, [old, now]: readonly Json[]): void {
    const before = columnValues(old, rows.length);
    const after = now === undefined ? null : columnValues(now, rows.length);
    for (const [at, row] of rows.entries()) {
      const draft = this.#draft(kind, row);
      if (draft === null) continue;
      const sides = { before: before[at] ?? null, after: after?.[at] ?? null };
      if (name === this.#options.keyProperty) draft.keyWas = sides.before;
      else if (!isSame(sides.before, sides.after)) draft.properties.set(name, sides);
    }
  }

  /** Null for a node of ours, for what cannot be told apart, and for what is not wanted in this turn. */
  #draft(kind: EntityKind, named: Json | undefined): Draft | null {
    const [id, key] = Array.isArray(named) ? named : [named, typeof named === 'string' ? named : null];
    if ((typeof id !== 'number' && typeof id !== 'string') || this.#options.wanted?.(kind, id) === false) return null;
    const drafts = kind === 'NODE' ? this.#nodes : this.#relationships;
    let draft = drafts.get(id);
    if (draft === undefined) {
      draft = {
        ...{
          kind,
          properties: new Map(),
          gained: [],
          lost: [],
          localId: typeof id === 'number' ? id : null,
          key: null,
        },
        ...{ keyWas: undefined, created: false, deleted: false, ours: false, ends: null },
      };
      drafts.set(id, draft);
    }
    if (typeof key === 'string' && key !== '') draft.key = key;
    return draft;
  }
}

/** Nothing is left to tell of an entity that was changed and changed back. */
function isEmpty({ created, deleted, properties, gained, lost }: Draft): boolean {
  return !created && !deleted && properties.size === 0 && gained.length === 0 && lost.length === 0;
}

function changeOf({ kind, created, deleted, ends, properties, gained, lost }: Draft, key: string): CapturedChange {
  if (!created) {
    const changes = [...properties].map(([name, sides]) => ({ name, ...sides }));
    return {
      kind,
      key,
      deleted,
      recreated: null,
      labelsAdded: sortedLabels(gained),
      labelsRemoved: sortedLabels(lost),
      properties: changes,
    };
  }
  const values = propertiesOf([...properties].flatMap(([name, { after }]) => (after === null ? [] : [[name, after]])));
  if (kind === 'NODE') {
    return { kind, key, before: null, after: { kind, key, labels: sortedLabels(gained), properties: values } };
  }
  if (ends === null) throw new TypeError('a relationship without ends');
  return { kind, key, before: null, after: { kind, key, ...ends, properties: values } };
}

/**
 * Of several that were created with one key the first counts, and what was deleted and created again under its key is one change. Where several
 * that had the key were deleted, only whoever knows which of them is recorded can tell what came in its place; see doubles.ts.
 */
function onePerKey(entities: readonly DecodedEntity[]): { kept: DecodedEntity[]; doubled: string[] } {
  const doubled: string[] = [];
  const kept = [...Map.groupBy(entities, ({ change }) => entityId(change)).values()].flatMap((same) => {
    const deltas = same.filter(({ change }) => isDelta(change));
    const [made, ...twins] = same.filter(({ change }) => !isDelta(change));
    if (twins.length > 0) doubled.push(same[0]?.change.key ?? '');
    if (made === undefined) return deltas;
    const [delta, ...more] = deltas;
    const merged = delta === undefined || more.length > 0 ? null : recreation(delta, made);
    return merged === null ? [...deltas, made] : [merged];
  });
  return { kept: kept.sort((one, other) => byKindAndKey(one.change, other.change)), doubled };
}

/** Null when the one was not deleted, or the other not created. */
export function recreation(gone: DecodedEntity, made: DecodedEntity): DecodedEntity | null {
  if (!isDelta(gone.change) || !gone.change.deleted || isDelta(made.change)) return null;
  return { change: { ...gone.change, recreated: made.change.after }, binding: made.binding };
}

function isSame(a: Value | null, b: Value | null): boolean {
  return a === null || b === null ? a === b : sameValue(a, b);
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function numberOf(value: Json): number {
  if (typeof value !== 'number') throw new TypeError('no local id');
  return value;
}

function byKindAndKey(a: CapturedChange, b: CapturedChange): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return a.key < b.key ? -1 : Number(a.key > b.key);
}
