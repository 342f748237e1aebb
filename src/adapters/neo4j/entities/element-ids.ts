import type { EntityKind } from '../../../core/entities.ts';
import type { Statements } from '../connection.ts';

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
    return `${kind === 'NODE' ? 4 : 5}:${this.#store}:${localId}`;
  }
}
