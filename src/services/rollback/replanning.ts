import { type EntityRef, entityId } from '../../core/entities.ts';
import type { NewConflict, PlanRow } from '../../ports/plan-store.ts';
import { planRequest } from './analysis.ts';
import { closePlan } from './detection.ts';
import { aborts } from './ending.ts';
import { EntityPlanner } from './entity-planner.ts';
import { type OperationRun, OperationStop } from './operation-run.ts';
import { decide } from './plan-decisions.ts';
import { conflictEvents } from './preparation.ts';

/** Changed entities that are planned again in one go. */
const LIMIT = 20_000;

/**
 * Plans again what others changed since the plan was last checked, with the undo set as it was frozen, so that their writes count as
 * theirs. What needs a decision that the policy does not make ends the operation.
 * @returns whether anything of the plan is different now
 */
export async function replan(run: OperationRun, guarded: readonly EntityRef[]): Promise<boolean> {
  const { deps } = run;
  const head = await run.fence();
  const changed = await replanAt(run, head.seq, guarded);
  const open = await deps.plans.openConflicts(run.operation.id);
  if (open.count === 0n) return changed;
  const message = `Others changed what the plan writes: ${open.first}`;
  throw new OperationStop(aborts(run.operation.policy, open) ? 'ABORTED' : 'INTERRUPTED', message);
}

/** As `replan` at a recorded moment, leaving the judgement on open conflicts to the caller. */
export async function replanAt(run: OperationRun, head: bigint, guarded: readonly EntityRef[]): Promise<boolean> {
  const { deps, lease, operation } = run;
  const known = (await deps.plans.conflicts(operation.id, 0n, LIMIT)).at(-1)?.no ?? 0n;
  const touched = await deps.plans.touchedSince(
    operation.id,
    operation.graphId,
    operation.checkedSeq ?? 0n,
    head,
    LIMIT,
  );
  const refs = [...new Map([...guarded, ...touched].map((ref) => [entityId(ref), ref])).values()];
  const rows = new Map((await deps.plans.rows(operation.id, refs)).map((row) => [entityId(row), row]));
  const planner = new EntityPlanner(deps, planRequest(run));
  const conflicts: NewConflict[] = [];
  const replaced: PlanRow[] = [];
  for (const entity of refs.length === 0 ? [] : await planner.plan(refs, head)) {
    const old = rows.get(entityId(entity.plan.ref));
    if (old === undefined || old.cascade) continue;
    const decided = decide(entity, operation.policy, deps.keys);
    conflicts.push(...decided.conflicts);
    replaced.push(again(old, decided.row));
  }
  // What was to go with another entity is found anew, with what it has become.
  const cascades = [...rows.values()].filter((row) => row.cascade && row.state === 'PENDING');
  replaced.push(...cascades.map((row): PlanRow => ({ ...row, state: 'ALREADY_SO', replanned: true })));
  await deps.plans.put(lease, replaced);
  await deps.plans.addConflicts(lease, conflicts);
  await closePlan(run, head);
  if (operation.strategy === 'GRADUAL') await deps.plans.group(lease);
  const message = `${replaced.length} planned entities were changed by others and planned again`;
  await run.advance({
    checkedSeq: head,
    recount: true,
    events: await conflictEvents(run, known),
    logs: [{ level: 'WARN', message }],
  });
  return replaced.length > 0 || (await deps.plans.conflicts(operation.id, known, 1)).length > 0;
}

function again(old: PlanRow, row: PlanRow | null): PlanRow {
  if (row !== null && row.state !== 'ALREADY_SO') return { ...row, replanned: true };
  return { ...old, state: 'ALREADY_SO', replanned: true, reason: 'others have done this meanwhile, or taken it over' };
}
