import { actionOf, type ChangeAction, type EntityKind } from '../../../core/entities.ts';
import { LimitError } from '../../../core/errors.ts';
import type { ChangeSummary, TransactionSource } from '../../../core/moments.ts';
import type { Scope } from '../../../core/scope.ts';
import type { DiffPosition, RecordedTransaction } from '../../../ports/history.ts';
import { type Connection, type PageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { bigintCodec, Cursors, changeCodec, contributionCodec } from '../cursors.ts';
import { type AtShape, readAt, readAtOrNull } from '../inputs/at.ts';
import { readTransactionFilter } from '../inputs/read-filters.ts';
import { readScope, type ScopeShape } from '../inputs/scope.ts';
import type { ContributionShape, RecordedChangeIn } from './connections.ts';
import { LIVE } from './graph-states.ts';
import { NO_CHANGES } from './moment.ts';

interface FilterShape {
  readonly session?: string | null | undefined;
  readonly actor?: string | null | undefined;
  readonly source?: readonly TransactionSource[] | null | undefined;
  readonly scope?: ScopeShape | null | undefined;
  readonly since?: AtShape | null | undefined;
  readonly until?: AtShape | null | undefined;
}
interface TransactionArguments extends PageArguments {
  readonly filter?: (FilterShape & { readonly operation?: string | null | undefined }) | null | undefined;
}
interface ChangeArguments extends PageArguments {
  readonly filter?:
    | (FilterShape & {
        readonly kind?: EntityKind | null | undefined;
        readonly action?: ChangeAction | null | undefined;
      })
    | null
    | undefined;
}

export async function transactions(
  graphId: number,
  { filter, ...args }: TransactionArguments,
  context: ApiContext,
): Promise<Connection<RecordedTransaction>> {
  const cursors = new Cursors('Graph.transactions', String(graphId), filter, bigintCodec);
  const { page, pin } = readPage(args, cursors);
  const wanted = await readTransactionFilter(context, graphId, filter ?? {}, pin);
  const read = await context.services.graphs.transactions(graphId, wanted, page);
  return toConnection(read, page, cursors, { node: (item) => item, position: ({ seq }) => seq, pin: wanted.until });
}

export async function recordedChanges(
  graphId: number,
  { filter, ...args }: ChangeArguments,
  context: ApiContext,
): Promise<Connection<RecordedChangeIn>> {
  const cursors = new Cursors('Graph.changes', String(graphId), filter, changeCodec);
  const { page, pin } = readPage(args, cursors);
  const wanted = {
    ...(await readTransactionFilter(context, graphId, filter ?? {}, pin)),
    ...(filter?.kind && { kind: filter.kind }),
    ...(filter?.action && { action: filter.action }),
  };
  const read = await context.services.graphs.changes(graphId, wanted, page);
  return toConnection(read, page, cursors, {
    node: (change) => ({ graphId, change }),
    position: ({ seq, kind, key }) => ({ seq, kind, key }),
    pin: wanted.until,
  });
}

interface ContributionArguments extends PageArguments {
  readonly since: AtShape;
  readonly until?: AtShape | null | undefined;
  readonly scope?: ScopeShape | null | undefined;
}

export async function contributions(
  graphId: number,
  { since, until, scope, ...args }: ContributionArguments,
  context: ApiContext,
): Promise<Connection<ContributionShape>> {
  const cursors = new Cursors('Graph.contributions', String(graphId), { since, until, scope }, contributionCodec);
  const { page, pin } = readPage(args, cursors);
  const wanted = readScope(scope, ['scope']);
  const [from, to] = await Promise.all([
    context.loaders.resolve(graphId, readAt(since, ['since']), ['since']),
    pin === null ? context.loaders.resolve(graphId, readAtOrNull(until, ['until']) ?? LIVE, ['until']) : { seq: pin },
  ]);
  if (wanted !== null) {
    const all = await contributionsInScope(context, graphId, from.seq, to.seq, wanted);
    const ordered = page.backwards === true ? all.toReversed() : all;
    const start = page.backwards === true ? page.before : page.after;
    const skipped = start === undefined ? 0 : ordered.findIndex((each) => idOf(each) === idOf(start)) + 1;
    const items = ordered.slice(skipped, skipped + page.limit);
    const read = {
      items: page.backwards === true ? items.toReversed() : items,
      hasMore: all.length > skipped + page.limit,
    };
    return toConnection(read, page, cursors, { node: (each) => each, position, pin: to.seq });
  }
  const read = await context.history.contributions(graphId, from.seq, to.seq, page);
  return toConnection(read, page, cursors, { node: (each) => each, position, pin: to.seq });
}

const position = ({ actor, sessionId }: ContributionShape) => ({ actor, sessionId });
const idOf = ({ actor, sessionId }: { actor: string | null; sessionId: string | null }): string =>
  JSON.stringify([actor, sessionId]);

/** Recorded changes that a scoped count looks at before it refuses. */
const MAX_COUNTED = 100_000n;
const CHUNK = 1000;
/** What was there when capture began is nobody's contribution. */
const COUNTED_SOURCES: readonly TransactionSource[] = ['BOLT', 'SQL', 'API', 'ROLLBACK', 'RECONCILE'];

/** Counted from the changes themselves, since a transaction's own counts know no scope. Ordered by actor, then session. */
async function contributionsInScope(
  context: ApiContext,
  graphId: number,
  since: bigint,
  until: bigint,
  scope: Scope,
): Promise<ContributionShape[]> {
  const found = new Map<string, ContributionShape & { readonly seqs: Set<bigint> }>();
  let counted = 0n;
  let after: DiffPosition | undefined;
  for (;;) {
    const { items, hasMore } = await context.services.graphs.changes(
      graphId,
      { since, until, scope, sources: COUNTED_SOURCES },
      { limit: CHUNK, after },
    );
    const seqs = [...new Set(items.map(({ seq }) => seq))];
    const known = new Map(
      await Promise.all(seqs.map(async (seq) => [seq, await context.loaders.transaction(graphId, seq)] as const)),
    );
    for (const change of items) {
      const { actor = null, sessionId = null } = known.get(change.seq) ?? {};
      const id = idOf({ actor, sessionId });
      const mine = found.get(id) ?? { actor, sessionId, transactions: 0n, summary: NO_CHANGES, seqs: new Set() };
      mine.seqs.add(change.seq);
      found.set(id, { ...mine, summary: counting(mine.summary, change.kind, actionOf(change)) });
    }
    counted += BigInt(items.length);
    const last = items.at(-1);
    if (!hasMore || last === undefined) break;
    if (counted >= MAX_COUNTED)
      throw new LimitError('the scope covers too many changes to count; narrow the window', MAX_COUNTED);
    after = { seq: last.seq, kind: last.kind, key: last.key };
  }
  const all = [...found.values()].map(({ seqs, ...each }) => ({ ...each, transactions: BigInt(seqs.size) }));
  return all.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}

function counting(summary: ChangeSummary, kind: EntityKind, action: ChangeAction): ChangeSummary {
  const side = kind === 'NODE' ? 'nodes' : 'relationships';
  const verb = ({ CREATED: 'Created', UPDATED: 'Updated', DELETED: 'Deleted' } as const)[action];
  const field = `${side}${verb}` as const;
  return { ...summary, [field]: summary[field] + 1n };
}
