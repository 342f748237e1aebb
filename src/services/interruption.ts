import type { AttachmentStore } from '../ports/attachment-store.ts';
import type { History } from '../ports/history.ts';
import type { Attachment, KnowledgeGraph } from '../ports/knowledge-graph.ts';

export interface InterruptionDependencies {
  readonly history: Pick<History, 'graph' | 'beginGap' | 'addCaptureProblems'>;
  readonly attachments: Pick<AttachmentStore, 'get' | 'noteStore'>;
}

/** Capture that had to be installed again, or another store than last time, has missed writes: the epoch ends. */
export async function noteInterruption(
  { history, attachments }: InterruptionDependencies,
  { id, graph }: { readonly id: number; readonly graph: Pick<KnowledgeGraph, 'kind'> },
  { storeId, isNew }: Attachment,
): Promise<void> {
  if (graph.kind === 'EMBEDDED') return;
  const before = await attachments.get(id);
  const record = await history.graph(id);
  if (before === null || record === null) return;
  const isOther = before.storeId !== storeId;
  if (!isOther && !isNew) return;
  const message = isOther
    ? 'another store answers than the one that was captured: a dump was restored, or the address leads elsewhere'
    : 'capture was not installed any more and had to be installed again';
  await history.beginGap(id, message, true);
  await history.addCaptureProblems(id, [{ kind: isOther ? 'STORE_CHANGED' : 'CAPTURE_MISSING', message, key: null }]);
  // Last: from then on nobody finds it.
  if (isOther) await attachments.noteStore(id, storeId);
}
