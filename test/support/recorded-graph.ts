import { sameState } from '../../src/core/canonical.ts';
import { choiceKind } from '../../src/core/conflict-choice.ts';
import { type EntityId, type EntityRef, type EntityState, entityId } from '../../src/core/entities.ts';
import { originsAfter } from '../../src/core/origins.ts';
import type { ConflictChoice, EntityPlan, PlanInput, PlannedConflict } from '../../src/core/plan.ts';
import { planEntity, resolvePlan, seqsOf } from '../../src/core/plan.ts';
import type { Origins, RecordedVersion } from '../../src/core/undo-set.ts';

/** A transaction as it was recorded: who wrote, and for a rollback what it took back. */
export interface RecordedTx {
  readonly seq: bigint;
  readonly by: string;
  readonly undid: ((seq: bigint) => boolean) | null;
  /** Aspects, after their entity's id, that a person chose otherwise than as put back; `*` for all of an entity. */
  readonly chosen: ReadonlySet<string>;
}

type Asked = (conflict: PlannedConflict, index: number) => ConflictChoice;

/** History of a small graph in memory: records, plans and rolls back the way the services do. */
export class RecordedGraph {
  readonly txs: RecordedTx[] = [];
  readonly versions = new Map<EntityId, RecordedVersion[]>();

  get head(): bigint {
    return this.txs.at(-1)?.seq ?? 0n;
  }

  state(ref: EntityRef): EntityState | null {
    return this.versions.get(entityId(ref))?.at(-1)?.state ?? null;
  }

  refs(): EntityRef[] {
    return [...this.versions.values()].flatMap(([version]) =>
      version ? [{ kind: version.kind, key: version.key }] : [],
    );
  }

  stateAt(ref: EntityRef, seq: bigint): EntityState | null {
    return this.versions.get(entityId(ref))?.findLast((version) => version.seq <= seq)?.state ?? null;
  }

  /** One transaction. Writes that change nothing are not recorded; a transaction may be empty. */
  commit(
    by: string,
    writes: readonly { ref: EntityRef; after: EntityState | null; origins?: Origins | null }[],
    undid: RecordedTx['undid'] = null,
    chosen: RecordedTx['chosen'] = new Set(),
  ): bigint {
    const seq = this.head + 1n;
    this.txs.push({ seq, by, undid, chosen });
    for (const { ref, after, origins } of writes) {
      const earlier = this.versions.get(entityId(ref)) ?? [];
      const previous = earlier.at(-1) ?? null;
      if (sameState(previous?.state ?? null, after)) continue;
      const version = { ...ref, seq, state: after, origins: originsAfter(previous, after, origins ?? null) };
      this.versions.set(entityId(ref), [...earlier, version]);
    }
    return seq;
  }

  /** The transactions of these writers, as the membership of an undo set. */
  by(...writers: readonly string[]): (seq: bigint) => boolean {
    const seqs = new Set(this.txs.filter((tx) => writers.includes(tx.by)).map((tx) => tx.seq));
    return (seq) => seqs.has(seq);
  }

  since(seq: bigint): (other: bigint) => boolean {
    const head = this.head;
    return (other) => other > seq && other <= head;
  }

  input(ref: EntityRef, isUndone: (seq: bigint) => boolean, from: bigint): PlanInput {
    const all = this.versions.get(entityId(ref)) ?? [];
    const before = all.findLast((version) => version.seq <= from);
    const versions = [...(before ? [before] : []), ...all.filter((version) => version.seq > from)];
    const known = new Set(seqsOf(versions));
    return {
      ref,
      from,
      versions,
      isUndone: (seq) => {
        if (!known.has(seq)) throw new Error(`membership of ${seq} was asked but not listed`);
        return isUndone(seq);
      },
      inScope: () => true,
      live: this.state(ref),
    };
  }

  plan(ref: EntityRef, isUndone: (seq: bigint) => boolean, options: Partial<PlanInput> = {}): EntityPlan {
    const first = this.txs.find((tx) => isUndone(tx.seq))?.seq ?? this.head + 1n;
    const from = options.from ?? first - 1n;
    const plan = planEntity({ ...this.input(ref, isUndone, from), ...options });
    if (plan.reach === null) return plan;
    return this.plan(ref, isUndone, { ...options, from: plan.reach - 1n });
  }

  /** Takes back and records; conflicts are decided by `decide`. */
  undo(by: string, isUndone: (seq: bigint) => boolean, decide: Asked = () => ({ side: 'LIVE' })): bigint {
    const chosen = new Set<string>();
    const writes = this.refs().map((ref) => {
      const resolved = resolvePlan(this.plan(ref, isUndone), (conflict, index) => {
        const choice = decide(conflict, index);
        if (choiceKind(choice) !== 'TARGET') chosen.add(`${entityId(ref)} ${aspectName(conflict)}`);
        return choice;
      });
      return { ref, ...resolved };
    });
    return this.commit(by, writes, isUndone, chosen);
  }
}

function aspectName({ aspect, property }: PlannedConflict): string {
  if (aspect === 'EXISTENCE') return '*';
  if (aspect === 'ENDS') return 'existence';
  return aspect === 'LABEL' ? 'labels' : `p:${property}`;
}
