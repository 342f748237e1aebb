import { ahead } from '../../core/ahead.ts';
import { accumulator, type Checksum, checksumToHex } from '../../core/checksum.ts';
import { type EntityRef, type EntityState, entityId } from '../../core/entities.ts';
import { CaptureError } from '../../core/errors.ts';
import { hashOf, sameHash } from '../../core/hash.ts';
import type { RecordedTransaction } from '../../ports/history.ts';
import type { OperationProof } from '../../ports/operation-store.ts';
import type { PlannedState, PlanRow, ProofDifference, Written } from '../../ports/plan-store.ts';
import { lineage } from './lineage.ts';
import type { OperationRun } from './operation-run.ts';

const PAGE = 2500;
/** Differences that are kept one by one. */
const MAX_DIFFERENCES = 10_000;
const BATCHES_PER_READ = 500;
/** How often a difference is looked at before it is believed that nobody else made it. */
const MOST_LOOKS = 5;
/** Rows that an operation which ended early left to the one that goes on from it. */
const LEFT: readonly PlannedState[] = ['PENDING', 'CONFLICTED', 'FAILED'];

/**
 * Reads back what was written, at a last fence. What is different because of a later recorded transaction is told apart. A restore
 * of the whole graph also accounts for every state between its target and now by checksum.
 */
export async function prove(run: OperationRun): Promise<OperationProof> {
  const { deps, operation } = run;
  const at = await run.fence();
  let checked = 0n;
  const found = { explained: [] as ProofDifference[], unexplained: [] as ProofDifference[] };
  for await (const page of ahead(deps.plans.written(operation.id, PAGE))) {
    checked += BigInt(page.length);
    for (const difference of await explain(run, await compare(run, page))) {
      const alike = difference.explained ? found.explained : found.unexplained;
      if (alike.length < MAX_DIFFERENCES) alike.push(difference);
    }
  }
  // Those that matter first.
  const differences = [...found.unexplained, ...found.explained].slice(0, MAX_DIFFERENCES);
  await deps.plans.storeDifferences(run.lease, differences);
  const checksums = await compareChecksums(run, at);
  return {
    method: checksums === null ? 'TOUCHED_ENTITIES' : 'CONTINUOUS_CHECKSUM',
    at: { seq: at.seq, time: at.time },
    planHash: operation.planHash ?? '',
    checkedEntities: checked,
    matches: found.unexplained.length === 0 && (checksums === null || checksums.expected === checksums.actual),
    expectedChecksum: checksums?.expected ?? null,
    actualChecksum: checksums?.actual ?? null,
  };
}

interface Finding extends EntityRef {
  readonly actual: EntityState | null;
}

async function compare({ served }: OperationRun, page: readonly Written[]): Promise<Finding[]> {
  if (page.length === 0) return [];
  const live = await served.graph.read(page);
  return page.flatMap((write) => {
    const actual = live.get(entityId(write)) ?? null;
    return sameHash(hashOf(actual), write.targetHash) ? [] : [{ kind: write.kind, key: write.key, actual }];
  });
}

/**
 * What is different, each explained or not. Others may write between the fence and the reading, which then meets a state that is not recorded
 * yet: so what is not explained is looked at again, and believed when it stays.
 */
async function explain(run: OperationRun, differing: readonly Finding[]): Promise<ProofDifference[]> {
  const differences: ProofDifference[] = [];
  let open: readonly EntityRef[] = differing;
  for (let look = 1; open.length > 0; look += 1) {
    const found = await judge(run, open);
    const settled = look < MOST_LOOKS ? found.filter(({ explained }) => explained) : found;
    differences.push(...settled);
    open = look < MOST_LOOKS ? found.filter(({ explained }) => !explained) : [];
  }
  return differences;
}

/** A difference is explained when the state is one that somebody else's transaction left, recorded after this operation's own write. */
async function judge(run: OperationRun, differing: readonly EntityRef[]): Promise<ProofDifference[]> {
  const { deps, operation } = run;
  const now = await run.fence();
  const rows = new Map((await deps.plans.rows(operation.id, differing)).map((row) => [entityId(row), row]));
  const versions = await deps.history.windowVersions(operation.graphId, differing, operation.headSeq ?? 0n, now.seq);
  const seqs = [...new Set([...versions.values()].flat().map(({ seq }) => seq))];
  const transactions = await deps.history.transactionsBySeq(operation.graphId, seqs);
  const read = await run.served.graph.read(differing);
  return differing.flatMap(({ kind, key }): ProofDifference[] => {
    const id = entityId({ kind, key });
    const window = versions.get(id) ?? [];
    const last = window.at(-1);
    const expected = rows.get(id)?.after ?? null;
    const actual = read.get(id) ?? null;
    if (sameHash(hashOf(actual), hashOf(expected))) return [];
    const own = window.findLast(({ seq }) => transactions.get(seq)?.operationId === operation.id);
    const isLater = own !== undefined && last !== undefined && last.seq > own.seq;
    const explained = isLater && sameHash(hashOf(last.state), hashOf(actual));
    return [{ kind, key, explained, expected, actual }];
  });
}

/**
 * For a restore of everything within one epoch: the target's checksum, plus what others did after the plan's head, plus what was left
 * out of the plan or planned otherwise, must be the graph's. Null where that does not apply.
 */
async function compareChecksums(
  run: OperationRun,
  at: RecordedTransaction,
): Promise<{ expected: string; actual: string } | null> {
  const { operation, deps } = run;
  const { graphId, targetSeq, headSeq } = operation;
  if (operation.type !== 'RESTORE' || operation.scope !== null || targetSeq === null || headSeq === null) return null;
  if (!(await isWhole(run))) return null;
  const moments = await deps.history.transactionsBySeq(graphId, [targetSeq, headSeq]);
  const [target, head] = [moments.get(targetSeq), moments.get(headSeq)];
  if (target === undefined || head === undefined || target.epoch !== at.epoch) return null;
  const sum = accumulator(target.checksum);
  const ids = await lineage(run);
  const own = await ownDelta(run, ids);
  // Others' writes after the head are what happened since, less what this operation did, and those whose rest it does.
  for (const [plus, minus] of [
    [at.checksum, head.checksum],
    [own.before, own.after],
  ] as const) {
    sum.add(plus);
    sum.subtract(minus);
  }
  for (const id of ids) {
    for await (const page of deps.plans.irregular(id, PAGE)) {
      const rows = page.filter((row) => counts(operation.id, id, row));
      await correct(run, rows, await spokenOf(run, ids, id, rows), sum);
    }
  }
  return { expected: checksumToHex(sum.sum()), actual: checksumToHex(at.checksum) };
}

/** Whether what is recorded is the graph, as far as capture can tell. A gap may be known before anything is recorded in its new epoch. */
async function isWhole({ served }: OperationRun): Promise<boolean> {
  try {
    await served.recorder.certainFence();
    return true;
  } catch (error) {
    if (error instanceof CaptureError && !error.passes) return false;
    throw error;
  }
}

/** The sums of the checksums before and after each transaction of these operations. */
async function ownDelta(run: OperationRun, ids: readonly string[]): Promise<{ before: Checksum; after: Checksum }> {
  const before = accumulator();
  const after = accumulator();
  for (const id of ids) {
    const delta = await deltaOf(run, id);
    before.add(delta.before);
    after.add(delta.after);
  }
  return { before: before.sum(), after: after.sum() };
}

async function deltaOf(
  { operation, deps }: OperationRun,
  operationId: string,
): Promise<{ before: Checksum; after: Checksum }> {
  const before = accumulator();
  const after = accumulator();
  for (let since = operation.headSeq ?? 0n; ; ) {
    const filter = { operationId, since };
    const page = await deps.history.transactions(operation.graphId, filter, { limit: BATCHES_PER_READ });
    const seqs = page.items.map(({ seq }) => seq - 1n);
    const previous = await deps.history.transactionsBySeq(operation.graphId, seqs);
    for (const { seq, checksum } of page.items) {
      after.add(checksum);
      const prior = previous.get(seq - 1n);
      if (prior !== undefined) before.add(prior.checksum);
    }
    const last = page.items.at(-1);
    if (!page.hasMore || last === undefined) return { before: before.sum(), after: after.sum() };
    since = last.seq;
  }
}

/** What an operation left is in the plan of the one that does the rest. */
function counts(last: string, id: string, { state }: PlanRow): boolean {
  return id === last || !LEFT.includes(state);
}

/** The entities of rows whose way from the head's state to the target's another operation of the lineage has taken, or accounts for. */
async function spokenOf(
  { operation, deps }: OperationRun,
  ids: readonly string[],
  id: string,
  rows: readonly PlanRow[],
): Promise<ReadonlySet<string>> {
  const spoken = new Set<string>();
  if (rows.length === 0) return spoken;
  for (const other of ids) {
    if (other === id) continue;
    const isNewer = ids.indexOf(other) < ids.indexOf(id);
    for (const row of await deps.plans.rows(other, rows)) {
      const isRegular = !row.cascade && !row.partial && !row.replanned;
      const accounts = isRegular && row.state !== 'SKIPPED' ? row.state === 'APPLIED' : isNewer;
      if (accounts && counts(operation.id, other, row)) spoken.add(entityId(row));
    }
  }
  return spoken;
}

/** What became of rows, instead of the way from the head's state to the target's that a restore takes otherwise. */
async function correct(
  run: OperationRun,
  rows: readonly PlanRow[],
  spoken: ReadonlySet<string>,
  sum: ReturnType<typeof accumulator>,
): Promise<void> {
  if (rows.length === 0) return;
  const { graphId, targetSeq, headSeq } = run.operation;
  const target = await run.deps.history.statesAt(graphId, targetSeq ?? 0n, rows);
  const head = await run.deps.history.statesAt(graphId, headSeq ?? 0n, rows);
  const hashIn = (states: ReadonlyMap<string, EntityState>, id: string): Uint8Array | null =>
    spoken.has(id) ? null : hashOf(states.get(id) ?? null);
  for (const row of rows) {
    const id = entityId(row);
    const isWritten = row.state === 'APPLIED';
    const plus = [isWritten ? row.targetHash : null, hashIn(head, id)];
    const minus = [isWritten ? row.expectedHash : null, hashIn(target, id)];
    for (const hash of plus) if (hash !== null) sum.add(hash);
    for (const hash of minus) if (hash !== null) sum.subtract(hash);
  }
}
