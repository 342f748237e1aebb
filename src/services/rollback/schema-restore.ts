import { ConstraintError } from '../../core/errors.ts';
import { nameOf, type SchemaChange, type SchemaItem, sameItem, schemaChanges } from '../../core/schema-changes.ts';
import { type OperationRun, OperationStop } from './operation-run.ts';

/**
 * Restoring the schema is a phase of its own around the data, since no graph does both in one transaction: what the point did not have
 * goes before the data is written, for it might refuse the data; what the point had comes after it, for it might refuse the data
 * of before. Every step can be taken again, so a run that died goes on from wherever the schema is.
 */

/** Notes what is to be done to the schema, for the plan to show. @throws OperationStop when a preview that is executed did not show it */
export async function planSchema(run: OperationRun): Promise<void> {
  const { includeSchema, rehearsalOfId } = run.operation;
  if (!includeSchema) return;
  const changes = await changesLeft(run);
  const preview = rehearsalOfId === null ? null : await run.deps.operations.get(rehearsalOfId);
  const wider = preview === null ? undefined : changes.find((change) => !isAmong(preview.schemaChanges, change));
  if (wider !== undefined)
    throw new OperationStop('FAILED', `PLAN_CHANGED: the schema has changed since the preview: ${nameOf(wider)}`);
  await run.advance({ schemaChanges: changes });
}

/** Whether the schema alone is reason enough to execute a plan without writes. */
export function changesSchema({ operation }: OperationRun): boolean {
  return operation.includeSchema && operation.schemaChanges.length > 0;
}

/** Drops what the point did not have. */
export async function dropSchema(run: OperationRun): Promise<void> {
  if (!run.operation.includeSchema) return;
  const dropped = (await left(run)).planned.flatMap(({ before }) => before ?? []);
  if (dropped.length > 0) await change(run, dropped, []);
}

/** Creates what the point had. @throws OperationStop when the data does not allow it, or somebody else changes the schema, too */
export async function createSchema(run: OperationRun): Promise<void> {
  if (!run.operation.includeSchema) return;
  const { planned, others } = await left(run);
  const dropped = planned.flatMap(({ before }) => before ?? []);
  const theirs = new Set(others.map(nameOf));
  // What is there already may still be filling, or have failed: whoever made it may have died before it saw.
  const wanted = run.operation.schemaChanges
    .flatMap(({ after }) => after ?? [])
    .filter(({ name }) => !theirs.has(name));
  if (dropped.length > 0 || wanted.length > 0) await change(run, dropped, wanted, planned);
  const [still] = await changesLeft(run);
  if (still !== undefined)
    throw new OperationStop('INTERRUPTED', `the schema is not the point's: ${nameOf(still)} was changed meanwhile`);
}

/** What of the plan is not done yet. What others have done to the schema since is theirs. */
async function left(run: OperationRun): Promise<Record<'planned' | 'others', readonly SchemaChange[]>> {
  const planned: SchemaChange[] = [];
  const others: SchemaChange[] = [];
  for (const change of await changesLeft(run))
    (isAmong(run.operation.schemaChanges, change) ? planned : others).push(change);
  return { planned, others };
}

/** Whether a change is planned; one whose first half is done is, too. */
function isAmong(planned: readonly SchemaChange[], { before, after }: SchemaChange): boolean {
  return planned.some(
    (one) =>
      (before === null || (one.before !== null && sameItem(one.before, before))) &&
      (after === null ? one.after === null : one.after !== null && sameItem(one.after, after)),
  );
}

async function changesLeft({ deps, operation, served }: OperationRun): Promise<readonly SchemaChange[]> {
  const { targetPointId } = operation;
  const target = targetPointId === null ? null : await deps.points.readSchema(targetPointId);
  if (target === null) throw new OperationStop('FAILED', 'the schema at the point was not read');
  return schemaChanges(await served.graph.readSchema(), target);
}

/** @param made what of `create` is not there yet */
async function change(
  run: OperationRun,
  drop: readonly SchemaItem[],
  create: readonly SchemaItem[],
  made: readonly SchemaChange[] = [],
): Promise<void> {
  run.checkpoint();
  const { graph } = run.served;
  if (graph.changeSchema === undefined) throw new OperationStop('FAILED', 'the schema of this graph cannot be changed');
  try {
    await graph.changeSchema(drop, create);
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    throw new OperationStop('INTERRUPTED', `the schema could not be restored: ${error.message}`);
  }
  const names = [
    ...drop.map(({ name }) => `${name} dropped`),
    ...made.flatMap(({ after }) => (after === null ? [] : `${after.name} created`)),
  ];
  if (names.length === 0) return;
  await run.advance({ logs: [{ level: 'INFO', message: `Schema: ${names.join(', ')}` }] });
}
