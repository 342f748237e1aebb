import type { ConflictChoice } from '../../src/core/conflict-choice.ts';
import type { StoredConflict } from '../../src/ports/conflict-store.ts';
import type { ResolutionInput } from '../../src/services/contract.ts';
import { node } from './graph-writes.ts';
import { CALLER, type World } from './rollback-world.ts';

export const decision = (
  { id, version }: StoredConflict,
  choice: ConflictChoice,
  remember = false,
): ResolutionInput => ({ conflict: id, choice, expectVersion: version, remember });

/** Operations with conflicts, in whichever world there is at the time. */
export function conflictsIn(current: () => World) {
  let round = 0;
  return {
    /** Nodes whose property p went from 0 over 1, by `u`, to 2, by another: as many conflicts; and a node without one. */
    async conflicted(count = 2, more: Parameters<World['request']>[0] = {}) {
      const world = current();
      round += 1;
      const u = `u${round}`;
      const keys = Array.from({ length: count }, (_unused, n) => `q${round}-${n}`);
      const innocent = `q${round}-innocent`;
      const all = (p: number) => keys.map((key) => node(key, { p }, ['Doc']));
      const start = await world.write('start', [...all(0), node(innocent, { p: 0 })]);
      await world.write(u, [...all(1), node(innocent, { p: 1 })]);
      await world.write('other', all(2));
      const id = await world.request({ undo: { by: { actor: u }, from: { seq: start } }, ...more });
      return { id, keys, innocent, operation: await world.rest(id) };
    },
    conflictsOf: (id: string): Promise<readonly StoredConflict[]> => current().conflictStore.select(id, {}, 0n, 1000),
    resolve: (operation: string, ...resolutions: ResolutionInput[]) =>
      current().manager.resolve(CALLER, { operation, resolutions }),
    heldBy: async (key: string | undefined) => (await current().content())[`n:${key}`]?.properties.p,
  };
}
