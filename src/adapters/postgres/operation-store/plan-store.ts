import { chunks } from '../../../core/chunks.ts';
import type { Constraint } from '../../../core/constraints.ts';
import type { EntityChange, EntityRef } from '../../../core/entities.ts';
import type { ChangeSummary } from '../../../core/moments.ts';
import type { PlanHashRow } from '../../../core/plan-hash.ts';
import type { Origins } from '../../../core/undo-set.ts';
import type { SharedValues } from '../../../ports/constrained-plans.ts';
import type { Database, SqlExecutor } from '../../../ports/database.ts';
import type { OperationAccount, OperationLease } from '../../../ports/operation-store.ts';
import type {
  DependencyReads,
  FoundConflicts,
  GroupSize,
  HangingRelationship,
  ListedConflict,
  MissingEnd,
  OpenConflicts,
  PlannedState,
  PlannedWrite,
  PlanRow,
  PlanStore,
  ProofDifference,
  Written,
} from '../../../ports/plan-store.ts';
import { renewStatistics } from '../statistics.ts';
import { dropUnfound, insertConflicts, questionConflicts, renewConflicts } from './conflict-rows.ts';
import * as constrained from './constrained-rows.ts';
import { copyPlan } from './copy.ts';
import { hangingRelationships, missingEnds, tiedRows } from './dependencies.ts';
import { addEvents } from './events.ts';
import { Groups } from './groups.ts';
import * as reads from './plan-reads.ts';
import { assertHeld, HELD, putRows, refParams, stateText } from './plan-rows.ts';
import { deleteTies, insertTies, orphans, tied } from './ties.ts';
import * as writeReads from './write-reads.ts';

/** Rows in one statement. */
const CHUNK = 5000;

const NOTHING_FOUND: FoundConflicts = { added: [], renewed: [], events: [], ties: [], loose: false };

/** Plans in PostgreSQL. Whatever writes checks the lease in the same statement or transaction. */
export class PostgresPlanStore implements PlanStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  reset(lease: OperationLease): Promise<void> {
    return this.#held(lease, (tx) =>
      empty(tx, lease.operationId, ['operation_plan', 'operation_conflicts', 'operation_ties', 'proof_differences']),
    );
  }

  resetRows(lease: OperationLease): Promise<void> {
    return this.#held(lease, async (tx) => {
      await empty(tx, lease.operationId, ['operation_plan', 'operation_ties', 'proof_differences']);
      await tx.query('UPDATE rollback_operations SET replanning = true WHERE id = $1', [lease.operationId]);
    });
  }

  async put(lease: OperationLease, rows: readonly PlanRow[], found: FoundConflicts = NOTHING_FOUND): Promise<void> {
    const { added, renewed, events, ties, loose } = found;
    const isAlone = added.length === 0 && renewed.length === 0 && ties.length === 0;
    if (isAlone && rows.length === 0) return;
    // One statement needs no transaction around it.
    if (isAlone && !loose && rows.length <= CHUNK) return putRows(this.#database, lease, rows);
    const { operationId } = lease;
    await this.#held(lease, async (tx) => {
      for (const chunk of chunks(rows, CHUNK)) await putRows(tx, lease, chunk);
      for (const chunk of chunks(added, CHUNK)) await insertConflicts(tx, operationId, chunk);
      for (const chunk of chunks(renewed, CHUNK)) await renewConflicts(tx, operationId, chunk);
      if (loose) for (const chunk of chunks(rows, CHUNK)) await deleteTies(tx, operationId, chunk);
      for (const chunk of chunks(ties, CHUNK)) await insertTies(tx, operationId, chunk);
      await addEvents(tx, operationId, events);
    });
  }

  tied(operationId: string, refs: readonly EntityRef[]): Promise<readonly EntityRef[]> {
    return tied(this.#database, operationId, refs);
  }

  questionConflicts(lease: OperationLease, refs: readonly EntityRef[] | null): Promise<readonly EntityRef[]> {
    return this.#held(lease, (tx) => questionConflicts(tx, lease.operationId, refs));
  }

  dropUnfound(lease: OperationLease): Promise<void> {
    return this.#held(lease, (tx) => dropUnfound(tx, lease.operationId));
  }

  async setState(
    lease: OperationLease,
    refs: readonly (EntityRef & { readonly reason: string; readonly conflictId?: string | null })[],
    state: PlannedState,
  ): Promise<void> {
    if (refs.length === 0) return;
    await this.#database.query(
      `WITH ${HELD} UPDATE operation_plan p SET state = $3, reason = r.reason, conflict_id = coalesce(r.conflict_id, p.conflict_id)
       FROM held, unnest($4::smallint[], $5::text[], $6::text[], $7::uuid[]) AS r(kind, key, reason, conflict_id)
       WHERE p.operation_id = $1 AND p.kind = r.kind AND p.key = r.key AND p.state = 'PENDING'`,
      [
        lease.operationId,
        lease.token,
        state,
        ...refParams(refs),
        refs.map((ref) => ref.reason),
        refs.map((ref) => ref.conflictId ?? null),
      ],
    );
  }

  copy(lease: OperationLease, from: string, rows: 'ALL' | 'LEFT'): Promise<void> {
    return this.#database.transaction((tx) => copyPlan(tx, lease, from, rows));
  }

  renewStatistics(): Promise<void> {
    return renewStatistics(this.#database, ['entity_versions', 'graph_transactions', 'operation_plan']);
  }

  hangingRelationships(reads: DependencyReads): AsyncIterable<readonly HangingRelationship[]> {
    return hangingRelationships(this.#database, reads);
  }

  missingEnds(reads: DependencyReads): AsyncIterable<readonly MissingEnd[]> {
    return missingEnds(this.#database, reads);
  }

  orphans(operationId: string, pageSize: number): AsyncIterable<readonly EntityRef[]> {
    return orphans(this.#database, operationId, pageSize);
  }

  skippedStructures(operationId: string): Promise<readonly EntityRef[]> {
    return reads.skippedStructures(this.#database, operationId);
  }

  structuralChanges(operationId: string, pageSize: number): AsyncIterable<readonly EntityChange[]> {
    return reads.structuralChanges(this.#database, operationId, pageSize);
  }

  constrainedRows(operationId: string, constraint: Constraint, pageSize: number): AsyncIterable<readonly PlanRow[]> {
    return constrained.constrainedRows(this.#database, operationId, constraint, pageSize);
  }

  sharedValues(operationId: string, constraint: Constraint, limit: number): Promise<readonly SharedValues[]> {
    return constrained.sharedValues(this.#database, operationId, constraint, limit);
  }

  markReleases(lease: OperationLease, constraints: readonly Constraint[]): Promise<void> {
    return constrained.markReleases(this.#database, lease, constraints);
  }

  async group(lease: OperationLease, constraints: readonly Constraint[]): Promise<void> {
    const groups = new Groups();
    const exchanged = await constrained.tiedByValues(this.#database, lease.operationId, constraints);
    for (const { a, b } of exchanged) groups.join(a, b);
    for (let after = 0n; ; ) {
      const pairs = await tiedRows(this.#database, lease.operationId, { after, limit: 4 * CHUNK });
      for (const { a, b } of pairs) groups.join(a, b);
      const next = await reads.lastRelationshipRow(this.#database, lease.operationId, { after, limit: 4 * CHUNK });
      if (next === null) break;
      after = next;
    }
    const joined = [...groups.joined()];
    for (let at = 0; at < joined.length; at += CHUNK) {
      const chunk = joined.slice(at, at + CHUNK);
      await this.#database.query(
        `WITH ${HELD} UPDATE operation_plan p SET group_no = j.into_no
         FROM held, unnest($3::bigint[], $4::bigint[]) AS j(group_no, into_no)
         WHERE p.operation_id = $1 AND p.group_no = j.group_no AND p.state = 'PENDING'`,
        [lease.operationId, lease.token, chunk.map(({ group }) => group), chunk.map(({ into }) => into)],
      );
    }
  }

  groups(operationId: string): AsyncIterable<readonly GroupSize[]> {
    return reads.groups(this.#database, operationId);
  }

  rows(operationId: string, refs: readonly EntityRef[]): Promise<readonly PlanRow[]> {
    return reads.rows(this.#database, operationId, refs);
  }

  hashRows(operationId: string): AsyncIterable<readonly PlanHashRow[]> {
    return writeReads.hashRows(this.#database, operationId);
  }

  summary(operationId: string): Promise<ChangeSummary> {
    return reads.summary(this.#database, operationId);
  }

  account(operationId: string, planHash: string): Promise<OperationAccount> {
    return reads.account(this.#database, operationId, planHash);
  }

  writes(operationId: string, fromGroup: bigint, toGroup: bigint): Promise<readonly PlannedWrite[]> {
    return writeReads.writes(this.#database, operationId, fromGroup, toGroup);
  }

  writtenAfter(operationId: string, group: bigint): Promise<bigint> {
    return writeReads.writtenAfter(this.#database, operationId, group);
  }

  written(operationId: string, pageSize: number): AsyncIterable<readonly Written[]> {
    return writeReads.written(this.#database, operationId, pageSize);
  }

  irregular(operationId: string, pageSize: number): AsyncIterable<readonly PlanRow[]> {
    return reads.irregular(this.#database, operationId, pageSize);
  }

  openConflicts(operationId: string): Promise<OpenConflicts> {
    return reads.openConflicts(this.#database, operationId);
  }

  lastConflict(operationId: string): Promise<bigint> {
    return reads.lastConflict(this.#database, operationId);
  }

  conflicts(operationId: string, after: bigint, limit: number): Promise<readonly ListedConflict[]> {
    return reads.conflicts(this.#database, operationId, after, limit);
  }

  planned(operationId: string, pageSize: number): AsyncIterable<readonly PlanRow[]> {
    return reads.planned(this.#database, operationId, pageSize);
  }

  touchedSince(
    operationId: string,
    graphId: number,
    since: bigint,
    until: bigint,
    limit: number,
    after: EntityRef | null = null,
  ): Promise<readonly EntityRef[]> {
    return reads.touchedSince(this.#database, operationId, graphId, since, until, limit, after);
  }

  storeDifferences(lease: OperationLease, differences: readonly ProofDifference[]): Promise<void> {
    return this.#held(lease, async (tx) => {
      await empty(tx, lease.operationId, ['proof_differences']);
      if (differences.length === 0) return;
      await tx.query(
        `INSERT INTO proof_differences (operation_id, no, kind, key, explained, expected, actual)
         SELECT $1, d.n, d.kind, d.key, d.explained, d.expected::jsonb, d.actual::jsonb
         FROM unnest($2::smallint[], $3::text[], $4::bool[], $5::text[], $6::text[])
           WITH ORDINALITY AS d(kind, key, explained, expected, actual, n)`,
        [
          lease.operationId,
          ...refParams(differences),
          differences.map((difference) => difference.explained),
          differences.map((difference) => stateText(difference.expected)),
          differences.map((difference) => stateText(difference.actual)),
        ],
      );
    });
  }

  #held<Result>(lease: OperationLease, work: (tx: SqlExecutor) => Promise<Result>): Promise<Result> {
    return this.#database.transaction(async (tx) => {
      await assertHeld(tx, lease);
      return work(tx);
    });
  }

  originsFor(operationId: string, refs: readonly EntityRef[]): Promise<Map<string, Origins>> {
    return writeReads.originsFor(this.#database, operationId, refs);
  }
}

async function empty(tx: SqlExecutor, operationId: string, tables: readonly string[]): Promise<void> {
  for (const table of tables) await tx.query(`DELETE FROM ${table} WHERE operation_id = $1`, [operationId]);
}
