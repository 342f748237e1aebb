import type { EntityKind } from '../../../core/entities.ts';
import type { Statements } from '../connection.ts';

const ELEMENT_ID = /^[45]:([^:]+):(\d+)$/;

/** The number at the end of an elementId, which is what bindings keep. */
export function localIdOf(elementId: unknown): bigint {
  const match = typeof elementId === 'string' ? ELEMENT_ID.exec(elementId) : null;
  if (match?.[2] === undefined) throw new TypeError('not an elementId');
  return BigInt(match[2]);
}

/**
 * ElementIds of one store as a parameter of a statement: their common beginning, and their numbers in one text. As a list of texts
 * they would be most of what the driver packs, a text at a time.
 */
export interface Places {
  readonly store: string;
  readonly numbers: string;
}

/** What `Places` that are called so in the parameters are in Cypher: a list of elementIds. */
export function placesIn(name: string): string {
  return `[x IN split($${name}.numbers, ',') | $${name}.store + x]`;
}

/** @throws TypeError when they are of several stores, or kinds */
export function placesOf(elementIds: readonly string[]): Places {
  const [first = ''] = elementIds;
  const store = first.slice(0, first.lastIndexOf(':') + 1);
  const numbers = elementIds.map((id) => {
    if (!id.startsWith(store)) throw new TypeError('places of several stores');
    return id.slice(store.length);
  });
  return { store, numbers: numbers.join() };
}

/** Builds elementIds: all of one store share its uuid, which is asked for once and again when the store may have been replaced. */
export class ElementIds {
  #store: string | null = null;

  /** @returns false when the graph has no node to tell it by, so nothing else either */
  async learn(on: Statements): Promise<boolean> {
    return this.#store !== null || this.learnAgain(on);
  }

  /** As `learn`, whatever was known. Others go on with the uuid as it was until the graph has answered. */
  async learnAgain(on: Statements): Promise<boolean> {
    const [row] = await on.run('MATCH (n) RETURN elementId(n) AS id LIMIT 1');
    const match = typeof row?.id === 'string' ? ELEMENT_ID.exec(row.id) : null;
    if (match?.[1] === undefined) return false;
    this.#store = match[1];
    return true;
  }

  /** To be called once `learn` has succeeded. */
  of(kind: EntityKind, localId: bigint): string {
    return `${this.#beginning(kind)}${localId}`;
  }

  /** As `of`, for many. */
  places(kind: EntityKind, localIds: readonly bigint[]): Places {
    return { store: this.#beginning(kind), numbers: localIds.join() };
  }

  #beginning(kind: EntityKind): string {
    return `${kind === 'NODE' ? 4 : 5}:${this.#store}:`;
  }
}
