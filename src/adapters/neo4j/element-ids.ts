import type { EntityKind } from '../../core/entities.ts';
import type { Statements } from './connection.ts';

const ELEMENT_ID = /^[45]:([^:]+):(\d+)$/;

/** The number at the end of an elementId, which is what bindings keep. */
export function localIdOf(elementId: unknown): bigint {
  const match = typeof elementId === 'string' ? ELEMENT_ID.exec(elementId) : null;
  if (match?.[2] === undefined) throw new TypeError('not an elementId');
  return BigInt(match[2]);
}

/** Builds elementIds: all of one store share its uuid, which is asked for once and again when the store may have been replaced. */
export class ElementIds {
  #store: string | null = null;

  /** @returns false when the graph has no node to tell it by, so nothing else either */
  async learn(on: Statements): Promise<boolean> {
    if (this.#store !== null) return true;
    const [row] = await on.run('MATCH (n) RETURN elementId(n) AS id LIMIT 1');
    const match = typeof row?.id === 'string' ? ELEMENT_ID.exec(row.id) : null;
    this.#store = match?.[1] ?? null;
    return this.#store !== null;
  }

  forget(): void {
    this.#store = null;
  }

  /** To be called once `learn` has succeeded. */
  of(kind: EntityKind, localId: bigint): string {
    return `${kind === 'NODE' ? 4 : 5}:${this.#store}:${localId}`;
  }
}
