import { InvalidInputError, NotFoundError } from '../../../core/errors.ts';
import type { UndoRequest } from '../../../services/contract.ts';
import { builder } from '../builder.ts';
import type { ApiContext } from '../context.ts';
import { decodeId, encodeId, requireId } from '../ids.ts';
import { graphNamed } from '../nodes.ts';
import { Everyone } from '../types/enums.ts';
import { AtInput, type AtShape, readAtOrNull } from './at.ts';

const UndoByInput = builder.inputType('UndoByInput', {
  isOneOf: true,
  fields: (t) => ({
    session: t.id({ description: 'An id, or a name that means one session.' }),
    actor: t.string(),
    operation: t.id(),
    transactions: t.field({ type: ['BigInt'] }),
    everyone: t.field({ type: Everyone }),
  }),
});

export const UndoInput = builder.inputType('UndoInput', {
  fields: (t) => ({
    by: t.field({ type: UndoByInput, required: true }),
    from: t.field({ type: AtInput, description: 'Exclusive. Required with actor and everyone.' }),
    until: t.field({ type: AtInput, description: 'Inclusive.' }),
  }),
});

interface UndoByShape {
  readonly session?: string | null | undefined;
  readonly actor?: string | null | undefined;
  readonly operation?: string | null | undefined;
  readonly transactions?: readonly bigint[] | null | undefined;
  readonly everyone?: 'EVERYONE' | null | undefined;
}

export interface UndoShape {
  readonly by: UndoByShape;
  readonly from?: AtShape | null | undefined;
  readonly until?: AtShape | null | undefined;
}

const MAX_TRANSACTIONS = 10_000;

/** @throws InvalidInputError naming the field, NotFoundError for an unknown session name */
export async function readUndo(context: ApiContext, graph: string, input: UndoShape): Promise<UndoRequest> {
  const by = await readBy(context, graph, input.by);
  const from = readAtOrNull(input.from, ['undo', 'from']);
  if (from === null && ('actor' in by || 'everyone' in by)) {
    throw InvalidInputError.field(['undo', 'from'], 'is required with actor and everyone');
  }
  return { by, from, until: readAtOrNull(input.until, ['undo', 'until']) };
}

async function readBy(context: ApiContext, graph: string, by: UndoByShape): Promise<UndoRequest['by']> {
  const path = ['undo', 'by'];
  if (by.session !== undefined && by.session !== null) return { session: await sessionId(context, graph, by.session) };
  if (by.operation !== undefined && by.operation !== null) {
    return { operation: requireId(by.operation, 'RollbackOperation', [...path, 'operation']) };
  }
  if (by.actor !== undefined && by.actor !== null) return { actor: by.actor };
  if (by.transactions !== undefined && by.transactions !== null) {
    const count = by.transactions.length;
    if (count === 0 || count > MAX_TRANSACTIONS) {
      throw InvalidInputError.field([...path, 'transactions'], `must be 1 to ${MAX_TRANSACTIONS} transactions`);
    }
    return { transactions: by.transactions };
  }
  return { everyone: true };
}

/** Sessions of a name that are listed when it means several. */
const LISTED = 10;

/** The id behind a session's global id or name. A name that means several sessions is refused, and they are listed. */
async function sessionId(context: ApiContext, graph: string, idOrName: string): Promise<string> {
  const decoded = decodeId(idOrName);
  if (decoded?.type === 'Session') return decoded.key;
  const path = ['undo', 'by', 'session'];
  const record = await graphNamed(context, graph);
  if (record === null) throw new NotFoundError(`graph ${graph} does not exist`);
  const filters = [{ field: 'name', is: 'EQUAL', value: idOrName }] as const;
  const query = { record: 'session', parent: 'graphId', filters } as const;
  const { items } = await context.loaders.page(query, record.id, { limit: LISTED });
  const [only] = items;
  if (only === undefined) throw InvalidInputError.field(path, 'is neither the id nor the name of a session');
  if (items.length === 1) return only.record.id;
  const candidates = items.map(
    ({ record: session }) => `${encodeId('Session', session.id)} opened ${session.openedAt.toISOString()}`,
  );
  throw InvalidInputError.field(path, `names several sessions, give one's id: ${candidates.join(', ')}`);
}
