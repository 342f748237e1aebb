import type { EntityRef } from '../../core/entities.ts';
import { ConstraintError } from '../../core/errors.ts';
import type { BatchStep, BegunStep } from '../../ports/operation-store.ts';
import type { PlannedWrite } from '../../ports/plan-store.ts';
import { writingStrategy } from '../strategies/strategies.ts';
import { LAST_GROUP } from '../strategies/strategy.ts';
import { GuardFailure, takeMarker, writeBatch } from './batch.ts';
import { type Batch, BatchReader } from './batch-reader.ts';
import { block } from './blocking.ts';
import { LateRecording } from './late-recording.ts';
import { type OperationRun, OperationStop } from './operation-run.ts';
import { replan } from './replanning.ts';
import { pinSafetyPoint } from './safety-point.ts';
import { createSchema, dropSchema } from './schema-restore.ts';
import { ask } from './waiting.ts';

/** How often one batch is planned again because others write what it is about to write. */
const MAX_ROUNDS = 5;
const FIRST_PROGRESS = 40;
const LAST_PROGRESS = 90;
/** Groups are numbered from 0 on. */
const BEFORE_ALL = -1n;

/** Begins to read the first batch, where it is the one that comes: nothing is written yet. To be called once the plan is cut into batches. */
export function readFirst(run: OperationRun): BatchReader {
  const reader = new BatchReader(run);
  const { batchEnds, counts } = run.operation;
  if (batchEnds.length > 0 && counts.applied === 0n) reader.readAhead(batchOf(batchEnds, 0));
  return reader;
}

/**
 * Writes the plan, batch by batch, going on after the last batch that the graph's own marker knows of.
 * @param reader of `readFirst`, since when the plan has not changed
 */
export async function execute(run: OperationRun, reader: BatchReader): Promise<void> {
  run.checkpoint();
  const { batchEnds } = run.operation;
  await pinSafetyPoint(run);
  const written = await catchUp(run);
  await dropSchema(run);
  const pace = writingStrategy(run.operation).pace(run);
  const recording = new LateRecording(run.served.recorder, run.operation.maxChangesPerSecond !== null);
  for (let at = Number(written); at < batchEnds.length; at += 1) {
    const batch = batchOf(batchEnds, at);
    run.checkpoint();
    const { changes, begun } = await runBatch(run, reader, batch, batchOf(batchEnds, at + 1));
    try {
      // Nothing follows the last ones: the proof waits until they are recorded.
      if (batch.toGroup === LAST_GROUP) recording.end();
      else recording.wrote(changes);
      // The graph has the batch: now the plan and the operation say so, too.
      await (begun === null ? run.advance(stepAfter(run, batch)) : run.finish(begun));
    } finally {
      await begun?.drop();
    }
    if (batch.toGroup !== LAST_GROUP) await pace.wait();
  }
  await createSchema(run);
}

/**
 * An execution that was begun is planned again before anything more of it is written. Whoever had it may have died while others' changes were
 * being planned again, or before it asked about what that found, and nothing tells how far it got: the plan is whole by this alone.
 * @throws Waits while something is open
 */
export async function takeUp(run: OperationRun): Promise<void> {
  // Nothing is planned again before there is a safety point: the plan is still the one that was settled.
  if (run.operation.safetyPointId === null) return;
  // What is written already is not planned again: its own writes would look like others'.
  await catchUp(run);
  await replan(run);
  await askIfOpen(run);
}

/**
 * Takes over the graph's marker, and notes what it says is written. A run that died between a batch's commit and its bookkeeping left that to
 * the next one, be it to go on or to end: nothing ends before its account has what is in the graph.
 * @returns how many batches are written
 */
export async function catchUp(run: OperationRun): Promise<bigint> {
  const written = await takeMarker(run);
  const last = run.operation.batchEnds[Number(written) - 1];
  await assertKept(run, last);
  // The step also shows that the lease is still held now that the marker is: whoever takes the lease from here on takes the marker too, and
  // then this instance can write no more.
  await run.advance(last === undefined ? {} : { applied: { fromGroup: 0n, toGroup: last } });
  return written;
}

/** Counted from 0; their numbers in the marker and in messages from 1. */
function batchOf(batchEnds: readonly bigint[], at: number): Batch {
  const fromGroup = at === 0 ? 0n : (batchEnds[at - 1] ?? 0n) + 1n;
  return { number: at + 1, fromGroup, toGroup: batchEnds[at] ?? LAST_GROUP };
}

/**
 * The graph's own marker says what is written. When it knows of less than was written, the graph was put back to an earlier state: nobody who said
 * "go" has seen that one, so the operation ends, and its account says what is in the graph.
 */
async function assertKept(run: OperationRun, last = BEFORE_ALL): Promise<void> {
  const lost = await run.deps.plans.writtenAfter(run.operation.id, last);
  if (lost === 0n) return;
  // An instance that lost its lease sees as much, of what another one wrote since.
  await run.advance({});
  // Said before the rows are marked: after that nobody who takes the operation up could tell.
  await run.served.recorder.reportGap(
    'the graph is in an earlier state than it was: writes of a rollback are not there any more',
  );
  await run.advance({ lost: { afterGroup: last }, recount: true });
  throw new OperationStop(
    'FAILED',
    `the graph is in an earlier state than this operation left it: ${lost} of its changes are not there any more; verify the graph`,
  );
}

interface Written {
  /** Entities. */
  readonly changes: number;
  /** The step after the batch, where it could be begun: to be finished or dropped. */
  readonly begun: BegunStep | null;
}

async function runBatch(run: OperationRun, reader: BatchReader, batch: Batch, next: Batch): Promise<Written> {
  for (let round = 1; ; round += 1) {
    const writes = await reader.read(batch);
    const writing = Promise.withResolvers<void>();
    // Said from inside the graph's transaction, done outside of it.
    if (batch.toGroup !== LAST_GROUP) void writing.promise.then(() => reader.readAhead(next));
    const after: { begun: BegunStep | null } = { begun: null };
    try {
      await writeBatch(run, BigInt(batch.number), writes, {
        writing: writing.resolve,
        committing: () => {
          after.begun ??= run.begin(stepAfter(run, batch));
        },
      });
      return { changes: writes.length, begun: after.begun };
    } catch (error) {
      await after.begun?.drop();
      reader.forget();
      await meet(run, error, { batch: batch.number, round, writes });
    }
    await askIfOpen(run);
  }
}

/** @throws Waits */
async function askIfOpen(run: OperationRun): Promise<void> {
  const open = await run.deps.plans.openConflicts(run.operation.id);
  if (open.count > 0n) await ask(run, open);
}

interface Refused {
  readonly batch: number;
  readonly round: number;
  readonly writes: readonly PlannedWrite[];
}

/** What becomes of a batch that was not written: it is planned again, or what stands against it becomes a conflict. */
async function meet(run: OperationRun, error: unknown, { batch, round, writes }: Refused): Promise<void> {
  if (error instanceof GuardFailure) {
    await replan(run, { guarded: error.refs });
    if (round < MAX_ROUNDS) return;
    return block(run, error.refs, `Others keep changing it while it is to be written: ${round} times in a row.`);
  }
  if (!(error instanceof ConstraintError)) throw error;
  if (round < MAX_ROUNDS && (await replan(run))) return;
  // Nothing that history knows of stands in the way: the graph's own constraint does.
  const refused = refusedBy(error, writes);
  if (refused.length === 0) {
    throw new OperationStop('INTERRUPTED', `the graph refused the writes of batch ${batch}: ${error.message}`);
  }
  await block(run, refused, `The graph refuses it: ${error.message}.`);
}

/** Which of the writes the graph refused, as far as it says so; a single write needs no saying. Who stands in its way is not to blame. */
function refusedBy({ refused }: ConstraintError, writes: readonly PlannedWrite[]): readonly EntityRef[] {
  if (writes.length === 1) return writes;
  return refused === null ? [] : writes.filter(({ kind, key }) => kind === refused.kind && key === refused.key);
}

function stepAfter({ operation }: OperationRun, { number, fromGroup, toGroup }: Batch): BatchStep {
  const batches = operation.batchEnds.length;
  const progress = FIRST_PROGRESS + Math.floor(((LAST_PROGRESS - FIRST_PROGRESS) * number) / batches);
  return {
    applied: { fromGroup, toGroup },
    progress,
    events: [{ type: 'PROGRESS', message: `batch ${number} of ${batches} written` }],
  };
}
