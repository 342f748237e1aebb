import { expect } from '@jest/globals';
import { GraphRegistry } from '../../src/services/graph-registry.ts';
import { RollbackRunner } from '../../src/services/rollback-runner.ts';
import { type Death, Mortal } from './mortal.ts';
import type { World } from './rollback-world.ts';

/**
 * An instance takes an operation up, and dies at one of its calls or not. Its lease runs out with it.
 * @returns whether it died
 */
export async function runMortal(world: World, id: string, death: Death | null): Promise<boolean> {
  const mortal = new Mortal(death);
  const registry = new GraphRegistry();
  const served = world.registry.get(world.graphId);
  registry.add(world.graphId, { ...served, graph: mortal.wrap(served.graph) });
  const { operations, plans, conflicts, points, pinner, history } = world.deps;
  const deps = {
    ...world.deps,
    registry,
    operations: mortal.wrap(operations),
    plans: mortal.wrap(plans),
    conflicts: mortal.wrap(conflicts),
    points: mortal.wrap(points),
    pinner: mortal.wrap(pinner),
    history: mortal.wrap(history),
  };
  const errors: unknown[] = [];
  const runner = new RollbackRunner(deps, world.queue, {
    holder: world.keys.next(),
    onError: (error) => errors.push(error),
  });
  try {
    await runner.run(id);
  } catch (error) {
    if (!mortal.dead) throw error;
  }
  if (mortal.dead) await world.operations.forgetLeases();
  else expect(errors).toEqual([]);
  return mortal.dead;
}
