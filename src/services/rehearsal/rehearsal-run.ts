import { accumulator, type ChecksumAccumulator, checksumToHex } from '../../core/checksum.ts';
import { type Constraint, isUnique, takenTuple } from '../../core/constraints.ts';
import { entityId } from '../../core/entities.ts';
import { ConstraintError, LimitError, StateError } from '../../core/errors.ts';
import { hashOf, sameHash, stateHash } from '../../core/hash.ts';
import type { GraphConstraints } from '../../ports/graph-constraints.ts';
import type { OperationRecord } from '../../ports/operation-store.ts';
import type { PlanRow } from '../../ports/plan-store.ts';
import type { RehearsalDifference, RehearsalEnd, RehearsalRecord, RehearsalStep } from '../../ports/rehearsal-store.ts';
import type { ScratchGraph, TakenValue } from '../../ports/scratch-graphs.ts';
import { auditFact } from '../audit-facts.ts';
import { type LeaseTerms, type Turn, TurnLost } from '../leased-jobs.ts';
import { GuardFailure, takeMarker, writeBatch } from '../rollback/batch.ts';
import { HandOver } from '../rollback/operation-run.ts';
import type { RehearserDependencies } from './rehearser.ts';
import { SubgraphCopy } from './subgraph-copy.ts';

const PAGE = 2000;
/** Differences that are kept one by one. */
const MAX_DIFFERENCES = 10_000;
const MAX_TAKEN = 100;
const COPIED = 40;
const WRITTEN = 80;

/** One rehearsal while this instance holds its lease. */
export class RehearsalRun implements Turn {
  readonly #deps: RehearserDependencies;
  readonly #rehearsal: RehearsalRecord;
  readonly #operation: OperationRecord;
  readonly #lease: LeaseTerms;
  #lost = false;
  #found = 0n;
  #applied = 0n;

  constructor(deps: RehearserDependencies, rehearsal: RehearsalRecord, operation: OperationRecord, lease: LeaseTerms) {
    this.#deps = deps;
    this.#rehearsal = rehearsal;
    this.#operation = operation;
    this.#lease = lease;
  }

  async renew(): Promise<void> {
    const { holder, leaseMs } = this.#lease;
    if (!(await this.#deps.rehearsals.renew(this.#rehearsal.id, holder, leaseMs))) this.#lost = true;
  }

  /**
   * Copies what the plan touches as it is now, runs the plan there, and proves the copy. The scratch graph is gone afterwards, whatever
   * happens; a process that dies leaves its name for the next one.
   */
  async complete(): Promise<void> {
    const { scratches, registry, keys } = this.#deps;
    const { graphId, scratch: left } = this.#rehearsal;
    if (left !== null) await scratches.remove(left);
    const { graph } = registry.get(graphId);
    await this.#checkSize(graph.immediateLimit);
    const name = keys.next();
    await this.#advance({ progress: 1, scratch: name });
    let end: RehearsalEnd;
    try {
      end = await this.#rehearse(await scratches.create(name, graph), graph.constraints);
    } finally {
      // Whoever sweeps next removes what cannot be removed now.
      await scratches.remove(name).catch(() => {});
    }
    await this.#finish(end);
  }

  async fail(error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : 'the rehearsal failed';
    await this.#finish({
      status: 'FAILED',
      matches: null,
      checkedEntities: 0n,
      expectedChecksum: null,
      actualChecksum: null,
      errorMessage: message,
    });
  }

  async #rehearse(scratch: ScratchGraph, constraints: GraphConstraints | undefined): Promise<RehearsalEnd> {
    const { seq } = await this.#deps.moments.live(this.#rehearsal.graphId);
    await this.#advance({ progress: 2, seq });
    await this.#copy(scratch, seq);
    const { sum, count } = await this.#checksum(scratch);
    await this.#advance({ progress: COPIED, copied: count });
    const refusal = (await this.#write(scratch)) ?? (await this.#takenValues(scratch, constraints));
    const checkedEntities = await this.#compare(scratch, sum);
    const expectedChecksum = checksumToHex(sum.sum());
    const actualChecksum = checksumToHex((await this.#checksum(scratch)).sum.sum());
    await this.#checkPlan();
    return {
      status: 'DONE',
      matches: refusal === null && this.#found === 0n && expectedChecksum === actualChecksum,
      checkedEntities,
      expectedChecksum,
      actualChecksum,
      errorMessage: refusal,
    };
  }

  /** @throws LimitError where the graph itself would have to take more in one transaction than it may hold */
  async #checkSize(limit: number): Promise<void> {
    const { id, strategy, batchSize, counts } = this.#operation;
    const most = BigInt(limit);
    const refusal = (size: bigint | number, what: string): LimitError =>
      new LimitError(`${size} changes ${what} (${limit.toLocaleString('en')})`, most);
    if (strategy === 'IMMEDIATE') {
      if (counts.planned > most) {
        throw refusal(counts.planned, 'are more than one transaction of this graph may hold');
      }
      return;
    }
    for await (const page of this.#deps.plans.groups(id)) {
      const large = page.find(({ size }) => size > (batchSize ?? limit));
      if (large !== undefined) throw refusal(large.size, 'belong together, more than a batch may hold');
    }
  }

  async #copy(scratch: ScratchGraph, seq: bigint): Promise<void> {
    const { history } = this.#deps;
    const copy = new SubgraphCopy(history, { graphId: this.#rehearsal.graphId, seq }, scratch);
    let done = 0;
    for await (const page of this.#pending()) {
      await copy.add(page);
      done += page.length;
      await this.#report(2, COPIED, done);
    }
  }

  /** @returns why the graph would refuse a batch, null when it takes all of them */
  async #write(scratch: ScratchGraph): Promise<string | null> {
    const { id, batchEnds } = this.#operation;
    const { keys, plans } = this.#deps;
    const { id: rehearsal, requestedBy } = this.#rehearsal;
    const run = {
      operation: { id: rehearsal, requestedBy },
      lease: { token: 1n },
      served: { graph: scratch },
      deps: { keys },
    };
    await takeMarker(run);
    let fromGroup = 0n;
    for (const [at, toGroup] of batchEnds.entries()) {
      const writes = await plans.writes(id, fromGroup, toGroup);
      try {
        await writeBatch(run, BigInt(at + 1), writes);
      } catch (error) {
        if (!(error instanceof GuardFailure || error instanceof ConstraintError)) throw error;
        const why = error instanceof GuardFailure ? `since the preview, ${error.message}` : error.message;
        return `batch ${at + 1} of ${batchEnds.length} cannot be written: ${why}`;
      }
      this.#applied += BigInt(writes.length);
      fromGroup = toGroup + 1n;
      await this.#report(COPIED, WRITTEN, Number(this.#applied));
    }
    return null;
  }

  /** What a unique constraint would refuse because of entities that the plan does not touch. */
  async #takenValues(scratch: ScratchGraph, constraints: GraphConstraints | undefined): Promise<string | null> {
    const declared = constraints === undefined ? [] : await this.#takenOf(constraints);
    const taken = [...declared, ...(await scratch.taken(MAX_TAKEN))];
    if (taken.length === 0) return null;
    const rows = await this.#deps.plans.rows(this.#operation.id, taken);
    await this.#differ(rows.map(({ kind, key, before, after }) => ({ kind, key, expected: after, actual: before })));
    const [first] = taken;
    return `${first?.constraint}: ${first?.kind.toLowerCase()} ${first?.key} would get a value that ${first?.otherKey} has`;
  }

  async #takenOf(constraints: GraphConstraints): Promise<TakenValue[]> {
    const unique = (await constraints.read()).filter(isUnique);
    if (unique.length === 0) return [];
    const taken: TakenValue[] = [];
    for await (const page of this.#pending()) {
      this.#checkpoint();
      for (const constraint of unique) taken.push(...(await this.#takenIn(page, constraint, constraints)));
      if (taken.length >= MAX_TAKEN) break;
    }
    return taken.slice(0, MAX_TAKEN);
  }

  /** Holders that the plan writes too were in the copy: there it would have been refused. */
  async #takenIn(
    page: readonly PlanRow[],
    constraint: Constraint,
    constraints: GraphConstraints,
  ): Promise<TakenValue[]> {
    const wanted = page.flatMap((row) => {
      const tuple = takenTuple(constraint, row);
      return tuple === null ? [] : [{ row, tuple }];
    });
    const holders = await constraints.holders(
      constraint,
      wanted.map(({ tuple }) => tuple),
    );
    if (holders.length === 0) return [];
    const rows = await this.#deps.plans.rows(
      this.#operation.id,
      holders.map(({ ref }) => ref),
    );
    const written = new Set(rows.filter(({ state }) => state === 'PENDING').map(entityId));
    return holders.flatMap(({ at, ref }): TakenValue[] => {
      const row = wanted[at]?.row;
      if (row === undefined || ref.key === row.key || written.has(entityId(ref))) return [];
      return [{ kind: row.kind, key: row.key, constraint: constraint.name, otherKey: ref.key }];
    });
  }

  /** Reads back what the plan writes. `sum`, of the copy as it was, becomes what it should be. */
  async #compare(scratch: ScratchGraph, sum: ChecksumAccumulator): Promise<bigint> {
    let checked = 0;
    for await (const page of this.#pending()) {
      const actual = await scratch.read(page);
      const differences = page.flatMap((row): RehearsalDifference[] => {
        if (row.expectedHash !== null) sum.subtract(row.expectedHash);
        if (row.targetHash !== null) sum.add(row.targetHash);
        const { kind, key, after: expected } = row;
        const found = actual.get(entityId(row)) ?? null;
        return sameHash(hashOf(found), row.targetHash) ? [] : [{ kind, key, expected, actual: found }];
      });
      await this.#differ(differences);
      checked += page.length;
      await this.#report(WRITTEN, 99, checked);
    }
    return BigInt(checked);
  }

  async #differ(differences: readonly RehearsalDifference[]): Promise<void> {
    const kept = differences.slice(0, Math.max(0, MAX_DIFFERENCES - Number(this.#found)));
    const { id } = this.#rehearsal;
    if (!(await this.#deps.rehearsals.addDifferences(id, this.#lease.holder, this.#found, kept))) throw new TurnLost();
    this.#found += BigInt(differences.length);
  }

  async #checksum(scratch: ScratchGraph): Promise<{ sum: ChecksumAccumulator; count: bigint }> {
    const sum = accumulator();
    let count = 0n;
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      for await (const page of scratch.scan(kind, PAGE)) {
        this.#checkpoint();
        for (const state of page) sum.add(stateHash(state));
        count += BigInt(page.length);
      }
    }
    return { sum, count };
  }

  async *#pending(): AsyncGenerator<readonly PlanRow[]> {
    for await (const page of this.#deps.plans.planned(this.#operation.id, PAGE)) {
      yield page.filter(({ state }) => state === 'PENDING');
    }
  }

  /** Decisions made meanwhile change a preview's plan: what was rehearsed is then no plan at all. @throws StateError */
  async #checkPlan(): Promise<void> {
    const operation = await this.#deps.operations.get(this.#operation.id);
    if (operation?.planHash === this.#rehearsal.planHash && operation.status === 'COMPLETED') return;
    throw new StateError('the plan was changed during the rehearsal', operation?.status ?? 'FAILED');
  }

  async #finish(end: RehearsalEnd): Promise<void> {
    const { id, operationId } = this.#rehearsal;
    const { status, matches } = end;
    const data = { rehearsal: id, matches, differences: `${this.#found}` };
    const fact = auditFact(null, status === 'DONE' ? 'REHEARSAL_DONE' : 'REHEARSAL_FAILED', { operationId }, data);
    await this.#deps.rehearsals.finish(id, this.#lease.holder, end, fact);
    this.#deps.bus.publish(`operation:${operationId}`);
  }

  async #report(from: number, to: number, done: number): Promise<void> {
    const share = Math.min(1, done / Math.max(1, Number(this.#rehearsal.counts.planned)));
    await this.#advance({ progress: Math.floor(from + (to - from) * share), applied: this.#applied });
  }

  async #advance(step: RehearsalStep): Promise<void> {
    this.#checkpoint();
    if (!(await this.#deps.rehearsals.advance(this.#rehearsal.id, this.#lease.holder, step))) throw new TurnLost();
  }

  /** @throws TurnLost, HandOver */
  #checkpoint(): void {
    if (this.#lost) throw new TurnLost();
    if (this.#lease.signal.aborted) throw new HandOver('shutting down');
  }
}
