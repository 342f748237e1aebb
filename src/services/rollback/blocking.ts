import { type EntityRef, entityId } from '../../core/entities.ts';
import type { NewConflict, PlanRow } from '../../ports/plan-store.ts';
import { closePlan } from './detection.ts';
import type { OperationRun } from './operation-run.ts';
import { announce } from './preparation.ts';
import { blockConflict, StandingConflicts, storeConflicts } from './standing-conflicts.ts';

/**
 * Entities that could not be written after several rounds, or that the graph's own constraints refuse, become conflicts: LIVE leaves them
 * as they are, TARGET tries again. One that was tried again in vain is open again.
 */
export async function block(run: OperationRun, refs: readonly EntityRef[], explanation: string): Promise<void> {
  const { plans, keys } = run.deps;
  const standing = await StandingConflicts.of(run, refs);
  const found: NewConflict[] = [];
  const rows: PlanRow[] = [];
  for (const row of await plans.rows(run.operation.id, refs)) {
    if (row.state !== 'PENDING') continue;
    const earlier = standing.blockOf(row);
    const conflict = blockConflict(row, explanationFor(earlier, explanation));
    const state = row.before ?? row.after;
    const settlement = standing.settle({ ...conflict, mergesCleanly: false, state });
    const id = keys.next();
    found.push({ ...conflict, id, settlement });
    const blocked = { ...row, conflictId: id };
    if (settlement === null) rows.push({ ...blocked, state: 'CONFLICTED' });
    else rows.push({ ...blocked, state: 'SKIPPED', reason: `kept as it is by ${settlement.by}: ${explanation}` });
  }
  await storeConflicts(run, standing, found, rows);
  await closePlan(run, run.operation.checkedSeq ?? 0n);
  await run.advance({
    recount: true,
    ...(await announce(run)),
    logs: [
      { level: 'WARN', message: `${new Set(rows.map(entityId)).size} entities cannot be written: ${explanation}` },
    ],
  });
}

/** A new text is a new matter, so that an old decision to try again does not decide it. */
function explanationFor(earlier: NewConflict | null, explanation: string): string {
  if (earlier?.settlement == null) return explanation;
  return earlier.explanation === explanation ? `${explanation} Trying again did not help.` : explanation;
}
