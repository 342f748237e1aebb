import { CaptureError } from '../core/errors.ts';
import type { AttachmentStore } from '../ports/attachment-store.ts';
import type { GraphRecord, History } from '../ports/history.ts';
import type { Attachment } from '../ports/knowledge-graph.ts';

/** What lies behind the address is not the store that was captured. */
export const STORE_REPLACED = 'STORE_REPLACED';

export interface InterruptionDependencies {
  readonly history: Pick<History, 'graph' | 'beginGap' | 'addCaptureProblems'>;
  readonly attachments: Pick<AttachmentStore, 'get' | 'noteStore'>;
}

/**
 * Capture that has to be installed again, or another store than last time, has missed writes: the epoch ends. To be stored before capture is
 * installed, since nobody can tell afterwards.
 * @throws CaptureError when the graph cannot be captured any more in the way in which it was attached, or can in a better one
 */
export async function noteInterruption(
  { history, attachments }: InterruptionDependencies,
  graphId: number,
  { mode, storeId, isNew }: Attachment,
): Promise<void> {
  const before = await attachments.get(graphId);
  const record = await history.graph(graphId);
  if (before === null || record === null || record.captureMode === 'OFF') return;
  if (mode === 'CONTINUOUS' && record.captureMode === 'SCAN')
    throw otherwise(record, 'can be captured by a trigger now');
  const isOther = before.storeId !== storeId;
  const isBlind = mode === 'SCAN' && record.captureMode === 'CONTINUOUS';
  if (!isOther && !isNew && !isBlind) return;
  const message = isOther
    ? 'another store answers than the one that was captured: a dump was restored, or the address leads elsewhere'
    : isBlind
      ? 'the trigger cannot run any more: the procedures of APOC are not there'
      : 'capture was not installed any more and had to be installed again';
  const problem = { kind: isOther ? STORE_REPLACED : 'CAPTURE_MISSING', message, key: null };
  const began = await history.beginGap(graphId, message, true, [problem]);
  // Of capture that is out of order, what has ended the epoch says enough.
  if (!began && isOther) await history.addCaptureProblems(graphId, [problem]);
  // Last: from then on nobody finds it.
  if (isOther) await attachments.noteStore(graphId, storeId);
  if (isBlind) throw otherwise(record, 'was captured by a trigger, and the procedures of APOC are not there any more');
}

function otherwise({ name, captureMode }: GraphRecord, what: string): CaptureError {
  const advice =
    captureMode === 'CONTINUOUS'
      ? 'put APOC back, or detach the graph and attach it again to have it captured by scans'
      : 'detach it and attach it again, or remove APOC to have it captured by scans as before';
  return new CaptureError(`graph ${name} ${what}: ${advice}`, captureMode);
}
