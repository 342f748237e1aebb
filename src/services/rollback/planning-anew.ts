import { chunks } from '../../core/chunks.ts';
import { choiceKind } from '../../core/conflict-choice.ts';
import { distinct, type EntityRef, entityId } from '../../core/entities.ts';
import type { NewConflict, PlanRow } from '../../ports/plan-store.ts';
import type { EntityPlanner } from './entity-planner.ts';
import type { OperationRun } from './operation-run.ts';
import { decide } from './plan-decisions.ts';
import { StandingConflicts, storeConflicts } from './standing-conflicts.ts';

/** Entities that are planned again at a time. */
const PAGE = 5000;

/**
 * Plans entities again with whatever depends on their conflicts, which are in question until they are found again.
 * @returns the rows as they are now
 */
export async function planAgain(
  run: OperationRun,
  planner: EntityPlanner,
  changed: readonly EntityRef[],
  head: bigint,
): Promise<readonly PlanRow[]> {
  const { deps, lease } = run;
  const asked = [...changed, ...(await listedBy(run, changed))];
  const dependents = await deps.plans.questionConflicts(lease, asked);
  // What is asked about comes last: as long as it is not planned again, its guard holds back what went along with it.
  const refs = distinct([...dependents, ...asked]);
  const rows: PlanRow[] = [];
  for (const page of chunks(refs, PAGE)) rows.push(...(await planAnew(run, planner, page, head)));
  return rows;
}

/** The entities whose open conflicts list these as what would go along with them: the list is to be made anew. */
async function listedBy({ deps, operation }: OperationRun, refs: readonly EntityRef[]): Promise<readonly EntityRef[]> {
  const rows = await deps.plans.rows(operation.id, refs);
  const listing = rows.filter(({ cascade, state }) => cascade && state === 'CONFLICTED');
  const ids = new Set(listing.flatMap(({ conflictId }) => conflictId ?? []));
  if (ids.size === 0) return [];
  const conflicts = await deps.conflicts.byId(operation.id, [...ids]);
  return conflicts.map(({ kind, key }) => ({ kind, key }));
}

/**
 * Plans entities of the plan anew, each for itself, whatever the plan had for them: what was to go with another is withdrawn by that, and the
 * undo set may have written to it, too. Where it still has to go with the other, closing the plan finds it anew.
 * @returns the rows as they are now
 */
async function planAnew(
  run: OperationRun,
  planner: EntityPlanner,
  refs: readonly EntityRef[],
  head: bigint,
): Promise<readonly PlanRow[]> {
  const { deps, operation } = run;
  const rows = new Map((await deps.plans.rows(operation.id, refs)).map((row) => [entityId(row), row]));
  const standing = await StandingConflicts.of(run, refs);
  const replaced: PlanRow[] = [];
  const found: NewConflict[] = [];
  for (const entity of await planner.plan(refs, head)) {
    const old = rows.get(entityId(entity.plan.ref));
    if (old === undefined || !isToPlan(old)) continue;
    const decided = decide(entity, standing.settlePlanned, deps.keys);
    found.push(...decided.conflicts);
    replaced.push(obeyBlocks(again(old, decided.row), standing, found));
  }
  await storeConflicts(run, standing, found, replaced, { loose: true });
  return replaced;
}

/** What is written stays so, and what was to go with another and is left out by a decision of its own. */
function isToPlan({ cascade, state }: PlanRow): boolean {
  return cascade ? state === 'PENDING' || state === 'CONFLICTED' : state !== 'APPLIED';
}

function again(old: PlanRow, row: PlanRow | null): PlanRow {
  if (row !== null && row.state !== 'ALREADY_SO') return { ...row, replanned: true };
  return {
    ...old,
    state: 'ALREADY_SO',
    replanned: true,
    conflictId: null,
    reason: old.cascade ? old.reason : 'others have done this meanwhile, or taken it over',
  };
}

/** What the graph itself stood against waits for its decision, whatever the plan says: see blocking.ts. */
function obeyBlocks(row: PlanRow, standing: StandingConflicts, found: NewConflict[]): PlanRow {
  const block = standing.blockOf(row);
  if (block === null || row.state !== 'PENDING') return row;
  found.push(block);
  const { settlement, id: conflictId, explanation } = block;
  if (settlement === null) return { ...row, state: 'CONFLICTED', conflictId };
  if (choiceKind(settlement.choice) === 'TARGET') return { ...row, conflictId };
  return { ...row, state: 'SKIPPED', conflictId, reason: `kept as it is by ${settlement.by}: ${explanation}` };
}
