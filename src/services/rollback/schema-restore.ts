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
  const dropped = (await plannedLeft(run)).flatMap(({ before }) => before ?? []);
  await change(run, dropped, []);
}

/** Creates what the point had. @throws OperationStop when the data does not allow it, or somebody else changes the schema, too */
export async function createSchema(run: OperationRun): Promise<void> {
  if (!run.operation.includeSchema) return;
  const left = await plannedLeft(run);
  await change(
    run,
    left.flatMap(({ before }) => before ?? []),
    left.flatMap(({ after }) => after ?? []),
  );
  const [still] = await changesLeft(run);
  if (still !== undefined)
    throw new OperationStop('INTERRUPTED', `the schema is not the point's: ${nameOf(still)} was changed meanwhile`);
}

/** What of the plan is not done yet. What others have done to the schema since is theirs. */
async function plannedLeft(run: OperationRun): Promise<readonly SchemaChange[]> {
  return (await changesLeft(run)).filter((change) => isAmong(run.operation.schemaChanges, change));
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

async function change(run: OperationRun, drop: readonly SchemaItem[], create: readonly SchemaItem[]): Promise<void> {
  if (drop.length === 0 && create.length === 0) return;
  run.checkpoint();
  const { graph } = run.served;
  if (graph.changeSchema === undefined) throw new OperationStop('FAILED', 'the schema of this graph cannot be changed');
  try {
    await graph.changeSchema(drop, create);
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    throw new OperationStop('INTERRUPTED', `the schema could not be restored: ${error.message}`);
  }
  const names = [...drop.map(({ name }) => `${name} dropped`), ...create.map(({ name }) => `${name} created`)];
  await run.advance({ logs: [{ level: 'INFO', message: `Schema: ${names.join(', ')}` }] });
}
