import { InvalidInputError } from '../../../core/errors.ts';
import type { At, TransactionSource } from '../../../core/moments.ts';
import type { Scope } from '../../../core/scope.ts';
import type { TransactionFilter } from '../../../ports/history.ts';
import type { RecordFilter } from '../../../ports/records.ts';
import type { ApiContext } from '../context.ts';
import { requireId } from '../ids.ts';
import { type AtShape, readAtOrNull } from './at.ts';
import { textOrNull } from './names.ts';
import { readScope, type ScopeShape } from './scope.ts';

interface RangeShape {
  readonly since?: AtShape | null | undefined;
  readonly until?: AtShape | null | undefined;
}

interface TransactionFilterShape extends RangeShape {
  readonly session?: string | null | undefined;
  readonly actor?: string | null | undefined;
  readonly source?: readonly TransactionSource[] | null | undefined;
  readonly operation?: string | null | undefined;
  readonly scope?: ScopeShape | null | undefined;
}

/**
 * A filter of transactions with its moments resolved. `pin` is the head of the first page when this is a later one: without `until`,
 * what was written since then stays out, so pages do not shift.
 */
export async function readTransactionFilter(
  context: ApiContext,
  graphId: number,
  input: TransactionFilterShape,
  pin: bigint | null,
): Promise<TransactionFilter & { readonly scope?: Scope; readonly until: bigint }> {
  const since = readAtOrNull(input.since, ['filter', 'since']);
  const until = readAtOrNull(input.until, ['filter', 'until']) ?? { keyword: 'LIVE' };
  const sources = nonEmpty(input.source, ['filter', 'source']);
  const scope = readScope(input.scope, ['filter', 'scope']);
  const [from, to] = await Promise.all([
    since === null ? null : context.loaders.resolve(graphId, since, ['filter', 'since']),
    pin === null ? context.loaders.resolve(graphId, until, ['filter', 'until']) : { seq: pin },
  ]);
  return {
    until: to.seq,
    ...(from === null ? {} : { since: from.seq }),
    ...given('sessionId', idOrNull(input.session, 'Session', ['filter', 'session'])),
    ...given('actor', textOrNull(input.actor, ['filter', 'actor'])),
    ...given('sources', sources),
    ...given('operationId', idOrNull(input.operation, 'RollbackOperation', ['filter', 'operation'])),
    ...given('scope', scope),
  };
}

/** Conditions on when a record was made: a time is compared as it is, any other moment by the time that it has. */
export async function readTimeRange(
  context: ApiContext,
  graphId: number,
  field: string,
  range: RangeShape,
): Promise<RecordFilter[]> {
  const filters: RecordFilter[] = [];
  for (const [name, is] of [
    ['since', 'ABOVE'],
    ['until', 'AT_MOST'],
  ] as const) {
    const at = readAtOrNull(range[name], ['filter', name]);
    if (at === null || ('keyword' in at && at.keyword === 'LIVE' && name === 'until')) continue;
    filters.push({ field, is, value: await timeOf(context, graphId, at, ['filter', name]) });
  }
  return filters;
}

/** @throws InvalidInputError when the list is given but empty: it is not clear whether that means all or none */
export function nonEmpty<Item>(
  list: readonly Item[] | null | undefined,
  path: readonly string[],
): readonly Item[] | null {
  if (list === null || list === undefined) return null;
  if (list.length === 0) throw InvalidInputError.field(path, 'must not be empty');
  return list;
}

export function idOrNull(
  id: string | null | undefined,
  type: 'Session' | 'RollbackOperation',
  path: readonly string[],
): string | null {
  return id === null || id === undefined ? null : requireId(id, type, path);
}

async function timeOf(context: ApiContext, graphId: number, at: At, path: readonly string[]): Promise<Date> {
  return 'time' in at ? at.time : (await context.loaders.resolve(graphId, at, path)).time;
}

/** The field when there is a value for it, so that absent fields stay absent. */
function given<Name extends string, Item>(name: Name, value: Item | null | undefined): { [Field in Name]?: Item } {
  // A computed key widens to string; it is exactly `name`.
  return (value === null || value === undefined ? {} : { [name]: value }) as { [Field in Name]?: Item };
}
