import type { DependencyConflict } from '../../core/closure.ts';
import { choiceKind } from '../../core/conflict-choice.ts';
import { distinct, type EntityId, type EntityRef, entityId } from '../../core/entities.ts';
import type { OperationRun } from './operation-run.ts';
import { StandingConflicts } from './standing-conflicts.ts';

/** What stands against writing an entity along with another. */
export interface Hindrance {
  readonly conflictId: string;
  /** Nobody has decided about it: the other waits for that. Otherwise the entity is not written, and neither is the other. */
  readonly isOpen: boolean;
  readonly reason: string;
}

/**
 * Conflicts of what would be written along with another entity which that one's own decision does not settle: a constraint that nobody has
 * decided about yet, or a write that the graph has refused.
 */
export class Hindrances {
  readonly #found: ReadonlyMap<EntityId, Hindrance>;

  private constructor(found: ReadonlyMap<EntityId, Hindrance>) {
    this.#found = found;
  }

  static async of(run: OperationRun, conflicts: readonly DependencyConflict[]): Promise<Hindrances> {
    const found = new Map<EntityId, Hindrance>();
    const refs = distinct(conflicts.flatMap(({ cascade }) => cascade));
    const rows = refs.length === 0 ? [] : await run.deps.plans.rows(run.operation.id, refs);
    if (rows.length === 0) return new Hindrances(found);
    const standing = await StandingConflicts.of(run, rows);
    for (const row of rows) {
      const open = row.state === 'CONFLICTED' && !row.cascade ? standing.openConstraint(row) : null;
      if (open !== null) found.set(entityId(row), { conflictId: open.id, isOpen: true, reason: open.explanation });
      const block = standing.blockOf(row);
      if (block?.settlement != null && choiceKind(block.settlement.choice) === 'LIVE') {
        const reason = `kept as it is by ${block.settlement.by}: ${block.explanation}`;
        found.set(entityId(row), { conflictId: block.id, isOpen: false, reason });
      }
    }
    return new Hindrances(found);
  }

  /** The first of what stands against any of these. */
  of(cascade: readonly EntityRef[]): Hindrance | null {
    const found = cascade.flatMap((ref) => this.#found.get(entityId(ref)) ?? []);
    return found.find(({ isOpen }) => !isOpen) ?? found[0] ?? null;
  }
}
