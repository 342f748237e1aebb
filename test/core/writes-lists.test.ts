import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sameState } from '../../src/core/canonical.ts';
import type { EntityChange } from '../../src/core/entities.ts';
import type { GraphWrite, PutNode } from '../../src/core/writes.ts';
import { applyWrites } from '../../src/core/writes.ts';
import { arbKey, arbName, arbValue } from '../support/arbitraries.ts';
import { apply, changesOf, type Graph, graphOf, node, partOf, relationship } from '../support/graph-writes.ts';

describe('lists of writes', () => {
  const arbSet = fc.array(fc.record({ name: arbName, value: arbValue }), { maxLength: 2 });
  const mode = fc.constantFrom<PutNode['mode']>('CREATE', 'UPDATE', 'UPSERT', 'UPSERT');
  const arbWrite: fc.Arbitrary<GraphWrite> = fc.oneof(
    fc.record({ key: arbKey, mode, set: arbSet, replace: fc.boolean() }).map((put) => ({ putNode: put })),
    fc
      .record({ key: arbKey, mode, start: arbKey, end: arbKey, set: arbSet, replace: fc.boolean() })
      .map((put) => ({ putRelationship: { ...put, type: 'KNOWS' } })),
    fc.record({ key: arbKey, cascade: fc.boolean() }).map((write) => ({ deleteNode: write })),
    fc.record({ key: arbKey, cascade: fc.boolean() }).map((write) => ({ deleteRelationship: write })),
  );
  const arbWrites = fc.array(arbWrite, { maxLength: 8 });

  function changed(graph: Graph, changes: readonly EntityChange[]): Graph {
    const next: Graph = { nodes: new Map(graph.nodes), relationships: new Map(graph.relationships) };
    for (const { kind, key, after } of changes) {
      if (after?.kind === 'NODE') next.nodes.set(key, after);
      else if (after?.kind === 'RELATIONSHIP') next.relationships.set(key, after);
      else (kind === 'NODE' ? next.nodes : next.relationships).delete(key);
    }
    return next;
  }

  /** A graph with something in it: what of the writes works, one at a time. */
  function grown(writes: readonly GraphWrite[]): Graph {
    return writes.reduce(
      (graph, write) => {
        const result = apply(graph, write);
        return result.ok ? changed(graph, result.changes) : graph;
      },
      graphOf(node('a'), node('b'), relationship('a', 'a', 'b'), relationship('b', 'b', 'b')),
    );
  }

  test('never leave a relationship without its ends, and report true befores and real changes', () => {
    fc.assert(
      fc.property(arbWrites, arbWrites, (past, writes) => {
        const graph = grown(past);
        const result = apply(graph, ...writes);
        if (!result.ok) return;
        const next = changed(graph, result.changes);
        for (const { start, end } of next.relationships.values()) {
          expect(next.nodes.has(start) && next.nodes.has(end)).toBe(true);
        }
        for (const { kind, key, before, after } of result.changes) {
          expect((kind === 'NODE' ? graph.nodes : graph.relationships).get(key) ?? null).toEqual(before);
          expect(sameState(before, after)).toBe(false);
        }
        expect(result.keys).toHaveLength(writes.length);
      }),
      { numRuns: 1000 },
    );
  });

  test('do together what they do one at a time, where every one of them works alone', () => {
    fc.assert(
      fc.property(arbWrites, arbWrites, (past, candidates) => {
        const graph = grown(past);
        let single = graph;
        const writes = candidates.filter((write) => {
          const result = apply(single, write);
          if (result.ok) single = changed(single, result.changes);
          return result.ok;
        });
        expect(changed(graph, changesOf(graph, ...writes))).toEqual(single);
      }),
      { numRuns: 1000 },
    );
  });

  test('leave their input alone', () => {
    fc.assert(
      fc.property(arbWrites, arbWrites, (past, writes) => {
        const part = partOf(grown(past), writes);
        const copy = structuredClone(part);
        applyWrites(part, writes);
        expect(part).toEqual(copy);
      }),
    );
  });
});
