import { createHash } from 'node:crypto';
import type { EntityRef } from '../../core/entities.ts';
import { InvalidInputError } from '../../core/errors.ts';
import type { DiffPosition } from '../../ports/history.ts';
import type { RecordPosition } from '../../ports/records.ts';

/** How a position travels inside a cursor. `read` answers null for what it did not write. */
export interface PositionCodec<Position> {
  write(position: Position): unknown;
  read(json: unknown): Position | null;
}

/** A position, and for a connection that reads live the seq of the head that its first page saw. */
export interface CursorContent<Position> {
  readonly position: Position;
  readonly pin: bigint | null;
}

const MAX_CURSOR_LENGTH = 4096;
const SEAL_LENGTH = 8;

/**
 * The cursors of one connection: base64url of the position, and a short hash over it and the connection's name, parent and filter, so
 * that a cursor from elsewhere is noticed instead of silently meaning another place.
 */
export class Cursors<Position> {
  readonly #place: string;
  readonly #codec: PositionCodec<Position>;

  constructor(connection: string, parent: string, filter: unknown, codec: PositionCodec<Position>) {
    this.#place = `${connection}\n${parent}\n${stableJson(filter)}`;
    this.#codec = codec;
  }

  write(position: Position, pin: bigint | null = null): string {
    const json = JSON.stringify([this.#codec.write(position), ...(pin === null ? [] : [pin.toString()])]);
    const content = Buffer.from(json).toString('base64url');
    return `${content}.${this.#seal(content)}`;
  }

  /** @throws InvalidInputError naming `argument` */
  read(cursor: string, argument: string): CursorContent<Position> {
    const [content, seal, more] = cursor.length > MAX_CURSOR_LENGTH ? [] : cursor.split('.');
    if (content !== undefined && more === undefined && seal === this.#seal(content)) {
      const json = parseJson(Buffer.from(content, 'base64url').toString('utf8'));
      const position = Array.isArray(json) ? this.#codec.read(json[0]) : null;
      if (Array.isArray(json) && position !== null) return { position, pin: readBigInt(json[1]) };
    }
    throw InvalidInputError.field([argument], 'is not a cursor of this connection with this filter');
  }

  #seal(content: string): string {
    return createHash('sha256').update(`${this.#place}\n${content}`).digest('base64url').slice(0, SEAL_LENGTH);
  }
}

export const bigintCodec: PositionCodec<bigint> = { write: (position) => position.toString(), read: readBigInt };

export const textCodec: PositionCodec<string> = {
  write: (position) => position,
  read: (json) => (isText(json) ? json : null),
};

export const recordCodec: PositionCodec<RecordPosition> = {
  write: (position) => position,
  read: (json) => (Array.isArray(json) && json.every(isText) ? json : null),
};

export const entityCodec: PositionCodec<EntityRef> = {
  write: ({ kind, key }) => [kind === 'NODE' ? 0 : 1, key],
  read: (json) => (Array.isArray(json) ? readEntity(json[0], json[1]) : null),
};

export const changeCodec: PositionCodec<DiffPosition> = {
  write: ({ seq, kind, key }) => [seq.toString(), kind === 'NODE' ? 0 : 1, key],
  read: (json) => {
    if (!Array.isArray(json)) return null;
    const seq = readBigInt(json[0]);
    const ref = readEntity(json[1], json[2]);
    return seq === null || ref === null ? null : { seq, ...ref };
  },
};

export const contributionCodec: PositionCodec<{ actor: string | null; sessionId: string | null }> = {
  write: ({ actor, sessionId }) => [actor, sessionId],
  read: (json) => {
    if (!Array.isArray(json)) return null;
    const [actor, sessionId]: readonly unknown[] = json;
    return isTextOrNull(actor) && isTextOrNull(sessionId) ? { actor, sessionId } : null;
  },
};

function readBigInt(json: unknown): bigint | null {
  return typeof json === 'string' && /^\d{1,18}$/.test(json) ? BigInt(json) : null;
}

function readEntity(kind: unknown, key: unknown): EntityRef | null {
  if (!isText(key) || (kind !== 0 && kind !== 1)) return null;
  return { kind: kind === 0 ? 'NODE' : 'RELATIONSHIP', key };
}

function isTextOrNull(json: unknown): json is string | null {
  return json === null || isText(json);
}

/** No position has U+0000, which the database refuses: together with what others ask for at the same moment. */
function isText(json: unknown): json is string {
  return typeof json === 'string' && !json.includes('\0');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** JSON that does not depend on the order of fields; null and absent are the same. */
function stableJson(value: unknown): string {
  return (
    JSON.stringify(value, (_name, part: unknown) => {
      if (typeof part === 'bigint') return part.toString();
      if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
      const given = Object.entries(part).filter(([, field]) => field !== null && field !== undefined);
      return Object.fromEntries(given.sort(([a], [b]) => (a < b ? -1 : 1)));
    }) ?? ''
  );
}
