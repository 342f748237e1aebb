import { ConstraintError } from '../../core/errors.ts';
import { type SchemaChange, type SchemaItem, schemaChanges } from '../../core/schema-changes.ts';
import { type OperationRun, OperationStop } from './operation-run.ts';

/**
 * Restoring the schema is a phase of its own around the data, since no graph does both in one transaction: what the point did not have
 * goes before the data is written, for it might refuse the data; what the point had comes after it, for it might refuse the data
 * of before. Every step can be taken again, so a run that died goes on from wherever the schema is.
 */

/** Notes what is to be done to the schema, for the plan to show. */
export async function planSchema(run: OperationRun): Promise<void> {
  if (!run.operation.includeSchema) return;
  await run.advance({ schemaChanges: await changesLeft(run) });
}

/** Whether the schema alone is reason enough to execute a plan without writes. */
export function changesSchema({ operation }: OperationRun): boolean {
  return operation.includeSchema && operation.schemaChanges.length > 0;
}

/** Drops what the point did not have. */
export async function dropSchema(run: OperationRun): Promise<void> {
  if (!run.operation.includeSchema) return;
  const dropped = (await changesLeft(run)).flatMap(({ before }) => before ?? []);
  await change(run, dropped, []);
}

/** Creates what the point had. @throws OperationStop when the data does not allow it, or somebody else changes the schema, too */
export async function createSchema(run: OperationRun): Promise<void> {
  if (!run.operation.includeSchema) return;
  const left = await changesLeft(run);
  await change(
    run,
    left.flatMap(({ before }) => before ?? []),
    left.flatMap(({ after }) => after ?? []),
  );
  const [still] = await changesLeft(run);
  const name = (still?.before ?? still?.after)?.name;
  if (name !== undefined)
    throw new OperationStop('INTERRUPTED', `the schema is not the point's: ${name} was changed meanwhile`);
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
    throw new OperationStop('INTERRUPTED', `the data is written, but not the schema: ${error.message}`);
  }
  const names = [...drop.map(({ name }) => `${name} dropped`), ...create.map(({ name }) => `${name} created`)];
  await run.advance({ logs: [{ level: 'INFO', message: `Schema: ${names.join(', ')}` }] });
}
