import { type EntityId, type EntityRef, type EntityState, entityId } from '../../core/entities.ts';
import { StateError } from '../../core/errors.ts';
import type { History } from '../../ports/history.ts';
import type { OperationRecord } from '../../ports/operation-store.ts';
import type { PlanStore } from '../../ports/plan-store.ts';
import { drawChanges, MAX_DRAWN } from '../change-subgraph.ts';
import type { Subgraph } from '../contract.ts';

const PAGE = 5000;

interface PlanDrawing {
  readonly plans: Pick<PlanStore, 'planned' | 'rows'>;
  readonly history: Pick<History, 'statesAt' | 'incidentAt'>;
}

/** Draws a plan as the difference between its head and what would follow. @throws StateError before there is a plan */
export async function drawPlan(deps: PlanDrawing, operation: OperationRecord, limit: number): Promise<Subgraph> {
  const { id, graphId, status, planHash, headSeq, createdAt: time } = operation;
  if (headSeq === null || planHash === null) throw new StateError(`operation ${id} has no plan yet`, status);
  const span = { graphId, from: { seq: headSeq, time }, to: { seq: headSeq + 1n, time } };
  const drawn = Math.min(limit, MAX_DRAWN);
  return drawChanges(withPlan(deps, id, headSeq), span, () => deps.plans.planned(id, PAGE), drawn);
}

/** History as if the plan were the next transaction after its head. */
function withPlan({ plans, history }: PlanDrawing, id: string, head: bigint): Pick<History, 'statesAt' | 'incidentAt'> {
  const planned = async (refs: readonly EntityRef[]): Promise<ReadonlyMap<EntityId, EntityState | null>> =>
    new Map((await plans.rows(id, refs)).map((row) => [entityId(row), row.after]));
  return {
    async statesAt(graphId, seq, refs) {
      const states = await history.statesAt(graphId, head, refs);
      if (seq === head) return states;
      for (const [entity, after] of await planned(refs)) {
        if (after === null) states.delete(entity);
        else states.set(entity, after);
      }
      return states;
    },
    async incidentAt(graphId, _seq, nodeKeys, filter, page) {
      const found = await history.incidentAt(graphId, head, nodeKeys, filter, page);
      const after = await planned(found.items);
      return { ...found, items: found.items.filter((state) => after.get(entityId(state)) !== null) };
    },
  };
}
