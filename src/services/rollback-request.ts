import { HistoryDroppedError, InvalidInputError, LimitError, NotFoundError, StateError } from '../core/errors.ts';
import { MAX_NAME_LENGTH } from '../core/names.ts';
import { isFinalOperation } from '../core/states.ts';
import type { UndoSelector } from '../core/undo-set.ts';
import type { GraphRecord, History } from '../ports/history.ts';
import type { NewOperation, OperationStore } from '../ports/operation-store.ts';
import type { PointStore } from '../ports/point-store.ts';
import type { SessionStore } from '../ports/session-store.ts';
import type { RollbackRequest, UndoRequest } from './contract.ts';
import type { MomentResolver } from './moment-resolver.ts';
import { checkStrategies } from './strategies/strategies.ts';
import type { StrategyLimits } from './strategies/strategy.ts';
import { checkText } from './text-checks.ts';

export const MAX_REASON = 2000;
/** Transactions that one request may list. */
export const MAX_LISTED = 10_000;

export interface RequestDependencies {
  readonly history: Pick<History, 'transactionsBySeq' | 'earliest'>;
  readonly operations: Pick<OperationStore, 'get'>;
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly moments: Pick<MomentResolver, 'resolve'>;
}

/** What of a new operation the target or the undo set decides. */
export type Target = Pick<NewOperation, 'type' | 'targetPointId' | 'targetSeq' | 'undo'>;

/** Refuses what makes no sense whatever is stored. @throws InvalidInputError */
export function checkRequest(input: RollbackRequest, graph: Pick<GraphRecord, 'kind'>, limits: StrategyLimits): void {
  checkStrategies(input, limits);
  checkText(['reason'], input.reason, MAX_REASON);
  if (!input.includeSchema) return;
  if (graph.kind === 'EMBEDDED') {
    throw InvalidInputError.field(['includeSchema'], 'an embedded graph has no schema of its own to restore');
  }
  if (!input.to || !('point' in input.to)) {
    throw InvalidInputError.field(['includeSchema'], 'goes with a restore to a point: only points know the schema');
  }
}

/** @throws InvalidInputError when the point was pinned in the past, where nobody has read the schema */
export async function checkSchemaKnown(
  points: Pick<PointStore, 'readSchema'>,
  { targetPointId }: Target,
): Promise<void> {
  if (targetPointId !== null && (await points.readSchema(targetPointId)) !== null) return;
  throw InvalidInputError.field(['includeSchema'], 'the point was pinned in the past, where the schema was not read');
}

/** Resolves what a request names. @throws InvalidInputError, NotFoundError, StateError, HistoryDroppedError, LimitError */
export async function resolveTarget(
  deps: RequestDependencies,
  graphId: number,
  input: RollbackRequest,
): Promise<Target> {
  const { to, undo } = input;
  if (to !== null && to !== undefined) {
    const { seq } = await deps.moments.resolve(graphId, to, ['to']);
    const point = 'point' in to ? to.point : null;
    return {
      type: 'RESTORE',
      targetPointId: point,
      targetSeq: seq,
      undo: { selector: { by: 'restore' }, from: seq, until: null },
    };
  }
  if (undo === null || undo === undefined)
    throw InvalidInputError.field(['to'], 'exactly one of to and undo is needed');
  const selector = await selectorOf(deps, graphId, undo);
  const from = undo.from ? (await deps.moments.resolve(graphId, undo.from, ['undo', 'from'])).seq : null;
  const until = undo.until ? (await deps.moments.resolve(graphId, undo.until, ['undo', 'until'])).seq : null;
  if (from !== null && until !== null && from > until)
    throw InvalidInputError.field(['undo', 'until'], 'lies before from');
  return { type: 'UNDO', targetPointId: null, targetSeq: null, undo: { selector, from, until } };
}

async function selectorOf(deps: RequestDependencies, graphId: number, { by }: UndoRequest): Promise<UndoSelector> {
  const path = ['undo', 'by'];
  if ('everyone' in by) return { by: 'everyone' };
  if ('actor' in by) {
    checkText([...path, 'actor'], by.actor, MAX_NAME_LENGTH, 1);
    return { by: 'actor', actor: by.actor };
  }
  if ('session' in by) {
    const session = await deps.sessions.get(by.session);
    if (session === null) throw new NotFoundError(`there is no session ${by.session}`);
    if (session.graphId !== graphId)
      throw InvalidInputError.field([...path, 'session'], 'is a session of another graph');
    return { by: 'session', sessionId: session.id };
  }
  if ('operation' in by) return operationSelector(deps, graphId, by.operation);
  return { by: 'transactions', seqs: await listedTransactions(deps, graphId, by.transactions) };
}

async function operationSelector(deps: RequestDependencies, graphId: number, id: string): Promise<UndoSelector> {
  const path = ['undo', 'by', 'operation'];
  const operation = await deps.operations.get(id);
  if (operation === null) throw new NotFoundError(`there is no operation ${id}`);
  if (operation.graphId !== graphId) throw InvalidInputError.field(path, 'is an operation of another graph');
  if (operation.dryRun) throw InvalidInputError.field(path, 'is a dry run, which wrote nothing');
  if (!isFinalOperation(operation.status)) throw new StateError(`operation ${id} has not ended`, operation.status);
  return { by: 'operation', operationId: id };
}

async function listedTransactions(
  deps: RequestDependencies,
  graphId: number,
  seqs: readonly bigint[],
): Promise<bigint[]> {
  const path = ['undo', 'by', 'transactions'];
  if (seqs.length === 0) throw InvalidInputError.field(path, 'must not be empty');
  if (seqs.length > MAX_LISTED)
    throw new LimitError(`at most ${MAX_LISTED} transactions can be listed`, BigInt(MAX_LISTED));
  const found = await deps.history.transactionsBySeq(graphId, seqs);
  const earliest = await deps.history.earliest(graphId);
  for (const [at, seq] of seqs.entries()) {
    const transaction = found.get(seq);
    if (seq <= earliest.seq || transaction?.source === 'BASELINE') {
      const since = `${earliest.seq} at ${earliest.time.toISOString()}`;
      throw new HistoryDroppedError(`transaction ${seq} is not after the earliest moment kept, ${since}`);
    }
    if (transaction === undefined) throw InvalidInputError.field([...path, `${at}`], `there is no transaction ${seq}`);
  }
  return [...new Set(seqs)].sort((a, b) => (a < b ? -1 : 1));
}
