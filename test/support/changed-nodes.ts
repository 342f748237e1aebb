import { node } from './graph-writes.ts';
import type { World } from './rollback-world.ts';

let round = 0;

const padded = (n: number): string => `${n}`.padStart(3, '0');

/** Nodes whose property p went from 0 to 1 by an actor of their own, and what undoes that. Padded keys are in the order of their numbers. */
export async function changedNodes(world: World, count: number, named = padded) {
  round += 1;
  const actor = `u${round}`;
  const keys = Array.from({ length: count }, (_, n) => `m${round}-${named(n)}`);
  const all = (p: number) => keys.map((key) => node(key, { p }));
  const start = await world.write('start', all(0));
  await world.write(actor, all(1));
  return { keys, start, undo: { by: { actor }, from: { seq: start } } };
}
