import { CaptureError, StateError } from '../core/errors.ts';
import type { AttachmentStore } from '../ports/attachment-store.ts';
import type { GraphRecord, History } from '../ports/history.ts';
import { assertCaptured } from './capture-state.ts';
import type { RollbackRequest } from './contract.ts';
import type { Target } from './rollback-request.ts';

/**
 * Refuses what the way in which a graph is captured does not tell: scans see what has changed, not who did it.
 * @throws CaptureError with the reason
 */
export function assertTold(graph: GraphRecord, { undo }: Pick<RollbackRequest, 'undo'>): void {
  assertCaptured(graph);
  if (graph.captureMode !== 'SCAN' || undo === null || undo === undefined || 'transactions' in undo.by) return;
  const [asked] = Object.keys(undo.by);
  const why = `graph ${graph.name} is captured by scans, which see what has changed and not who did it`;
  throw new CaptureError(`undo by ${asked} is not possible: ${why}; restore a point, or list transactions`, 'SCAN');
}

/**
 * Once the keys were removed nothing tells which entity of the graph a recorded one is: what is recorded before can be read and compared,
 * but not put back in place.
 * @throws StateError when the request reaches before that
 */
export async function assertSameEntities(
  attachments: Pick<AttachmentStore, 'get'>,
  history: Pick<History, 'extentOf'>,
  graph: GraphRecord,
  { targetSeq, undo }: Target,
): Promise<void> {
  const removed = (await attachments.get(graph.id))?.keysRemovedSeq ?? null;
  if (removed === null) return;
  const set = { selector: undo.selector, from: undo.from ?? 0n, until: undo.until ?? graph.head.seq };
  const begins = targetSeq ?? (await history.extentOf(graph.id, set))?.first ?? null;
  if (begins === null || begins > removed) return;
  throw new StateError(
    `the keys of graph ${graph.name} were removed after transaction ${removed}: what is recorded up to there can be read and compared, not put back`,
    'KEYS_REMOVED',
  );
}
