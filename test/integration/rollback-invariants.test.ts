import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EntityChange } from '../../src/core/entities.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';
import { arbStory, type Content, changesOf, replay, type StoryStep } from '../support/graph-story.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

const RUNS = { numRuns: 8, endOnFailure: true };

describe.each(engines)('on a random graph, on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: World;
  let stories = 0;
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database);
  });
  afterAll(async () => {
    await world.close();
    await engine.close();
  });

  /** Plays a story on keys of its own; `seqs` are the moments between its steps. */
  const play = async (steps: readonly StoryStep[]) => {
    stories += 1;
    const prefix = `s${stories}-`;
    const [u, other] = [`u${stories}`, `o${stories}`];
    const start = (await world.moments.live(world.graphId)).seq;
    let content: Content = new Map();
    const theirs: EntityChange[] = [];
    const seqs = [start];
    for (const { by, edits } of steps) {
      const changes = changesOf(content, prefix, edits);
      const wanted = changes.map(({ kind, key, after }) => after ?? { kind, key, gone: true as const });
      seqs.push(await world.write(by === 'u' ? u : other, wanted));
      content = replay(content, changes);
      if (by === 'other') theirs.push(...changes);
    }
    return { prefix, undo: { by: { actor: u }, from: { seq: start } }, seqs, theirs };
  };
  const contentOf = async (prefix: string) =>
    Object.fromEntries(Object.entries(await world.content()).filter(([id]) => id.slice(2).startsWith(prefix)));

  test('1: a full restore gives the graph as it was', async () => {
    await fc.assert(
      fc.asyncProperty(arbStory, arbStory, async (before, after) => {
        await play(before);
        const expected = await world.content();
        const { seqs } = await play(after);
        const operation = await world.rollback({ to: { seq: seqs[0] ?? 0n }, policy: { default: 'ABORT' } });
        expect(operation.status).toBe('COMPLETED');
        expect(await world.content()).toEqual(expected);
        if (operation.outcome === 'APPLIED') {
          expect((await world.details(operation.id))?.proof).toMatchObject({
            method: 'CONTINUOUS_CHECKSUM',
            matches: true,
          });
        }
      }),
      RUNS,
    );
  }, 120_000);

  test('2: undoing somebody without conflict gives the graph in which they never wrote', async () => {
    let clean = 0;
    await fc.assert(
      fc.asyncProperty(arbStory, async (steps) => {
        const { prefix, undo, theirs } = await play(steps);
        const operation = await world.rollback({ undo, policy: { default: 'ABORT' } });
        if (operation.status === 'ABORTED') return;
        clean += 1;
        expect(operation.status).toBe('COMPLETED');
        expect(await contentOf(prefix)).toEqual(Object.fromEntries(replay(new Map(), theirs)));
      }),
      { ...RUNS, numRuns: 12 },
    );
    expect(clean).toBeGreaterThan(3);
  }, 120_000);

  test('3, 4: nothing outside the scope and its listed closure is written, whatever is decided', async () => {
    const strategies = fc.constantFrom('SKIP' as const, 'OVERWRITE' as const);
    await fc.assert(
      fc.asyncProperty(arbStory, strategies, fc.nat(4), async (steps, policy, at) => {
        const { prefix, undo } = await play(steps);
        const before = await world.content();
        const keys = [`${prefix}${at}`, `${prefix}${at}-${(at + 1) % 5}`];
        const operation = await world.rollback({ undo, policy: { default: policy }, scope: { keys } });
        const after = await world.content();
        expect(['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED']).toContain(operation.status);
        const rows = await world.planRows(operation.id);
        for (const { key, cascade, state } of rows) if (state === 'APPLIED' && !cascade) expect(keys).toContain(key);
        const written = rows
          .filter(({ state }) => state === 'APPLIED')
          .map(({ kind, key }) => `${kind === 0 ? 'n' : 'r'}:${key}`);
        const ids = new Set([...Object.keys(before), ...Object.keys(after)]);
        for (const id of ids) if (!written.includes(id)) expect(after[id]).toEqual(before[id]);
      }),
      RUNS,
    );
  }, 120_000);

  test('5, 7: an execution writes what its dry run lists; undo and redo give both graphs again', async () => {
    await fc.assert(
      fc.asyncProperty(arbStory, fc.constantFrom('SKIP' as const, 'OVERWRITE' as const), async (steps, policy) => {
        const { prefix, undo } = await play(steps);
        const before = await contentOf(prefix);
        const preview = await world.rollback({ undo, dryRun: true, policy: { default: policy } });
        const listed = (await world.planRows(preview.id)).filter(({ state }) => state === 'PENDING');
        const plan = { id: preview.id, expectPlan: preview.planHash ?? '', strategy: 'IMMEDIATE' } as const;
        if ((await world.plans.openConflicts(preview.id)).count > 0n) return;
        const done = await world.settle(await world.manager.execute(CALLER, plan));
        const written = (await world.planRows(done.id)).filter(({ state }) => state === 'APPLIED');
        expect(written).toEqual(listed.map((row) => ({ ...row, state: 'APPLIED' })));
        if (listed.length === 0) return;
        const after = await contentOf(prefix);
        const undone = await world.settle(
          await world.manager.undo(CALLER, { id: done.id, policy: { default: 'ABORT' } }),
        );
        expect(undone.outcome).toBe('APPLIED');
        expect(await contentOf(prefix)).toEqual(before);
        const redone = await world.settle(
          await world.manager.undo(CALLER, { id: undone.id, policy: { default: 'ABORT' } }),
        );
        expect(redone.outcome).toBe('APPLIED');
        expect(await contentOf(prefix)).toEqual(after);
      }),
      RUNS,
    );
  }, 120_000);
});
