import { uuidOf } from '../idempotency.ts';
import type { OperationRun } from './operation-run.ts';

/** Pins the state before the first write, once per operation. */
export async function pinSafetyPoint(run: OperationRun): Promise<void> {
  const { operation, deps } = run;
  if (operation.safetyPointId !== null) return;
  const id = uuidOf(`safety point of ${operation.id}`);
  // A run that died right after pinning has left it.
  if ((await deps.points.get(id)) === null) {
    const caller = operation.requestedBy === null ? null : { actor: operation.requestedBy, ip: null, userAgent: null };
    await deps.pinner.pin(caller, {
      id,
      graphId: operation.graphId,
      name: `before rollback ${operation.id.slice(0, 8)}`,
      origin: 'SAFETY',
      metadata: { operation: operation.id },
    });
  }
  await run.advance({ safetyPointId: id });
}
