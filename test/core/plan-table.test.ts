import { describe, expect, test } from '@jest/globals';
import type { Value } from '../../src/core/values.ts';
import { history, N, node, withP, writes } from '../support/entity-history.ts';

describe('one property', () => {
  test('U v1: v0', () => {
    const graph = writes('v0', ['U', 'v1']);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ action: 'UPDATED', after: withP('v0'), conflicts: [], alreadySo: false });
    expect(plan.origins).toEqual({ 'p:p': '1' });
  });

  test('U v1, other v2, U v3: v2', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v2'], ['U', 'v3']);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ after: withP('v2'), conflicts: [] });
    // The origin says that U's v1, below v2, no longer stands.
    expect(plan.origins).toEqual({ 'p:p': '3-2' });
  });

  test('other v1, U v2: v1', () => {
    const graph = writes('v0', ['other', 'v1'], ['U', 'v2']);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ after: withP('v1'), conflicts: [] });
    expect(graph.plan(N, graph.by('U'), { from: 1n })).toMatchObject({ after: withP('v1'), conflicts: [] });
  });

  test('U v1, other v2: VALUE conflict', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v2']);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ action: null, after: withP('v2'), overwritten: withP('v0'), alreadySo: false });
    expect(plan.conflicts).toEqual([
      {
        type: 'VALUE',
        aspect: 'PROPERTY',
        property: 'p',
        base: 'v1',
        target: 'v0',
        live: 'v2',
        merged: null,
        mergesCleanly: false,
        overwritable: true,
        liveSeq: 3n,
        explanation: 'Taking back p of node n from "v1" to "v0" would lose what others have made it since: "v2".',
      },
    ]);
  });

  test('U v1, other v0: nothing to do', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v0']);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ action: null, conflicts: [], alreadySo: true });
  });

  test('U v1, other v2, other v1: v1, another writer chose it', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v2'], ['other', 'v1']);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ action: null, after: withP('v1'), conflicts: [] });
  });

  test('U v1 and back to v0, other v2: v2, since U changed nothing in the end', () => {
    const graph = writes('v0', ['U', 'v1'], ['U', 'v0'], ['other', 'v2']);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ action: null, after: withP('v2'), conflicts: [] });
  });

  test('a conflict between types is a TYPE conflict, list elements included', () => {
    const ints: Value = { $list: { of: 'INTEGER', values: [1] } };
    const floats: Value = { $list: { of: 'FLOAT', values: [1.5] } };
    const types = [
      writes(1, ['U', 2], ['other', '3']),
      writes(ints, ['U', { $list: { of: 'INTEGER', values: [2] } }], ['other', floats]),
      writes(null, ['U', 2], ['other', { $float: '2.0' }]),
    ].map((graph) => graph.plan(N, graph.by('U')).conflicts.map(({ type }) => type));
    expect(types).toEqual([['TYPE'], ['TYPE'], ['TYPE']]);
  });

  test('what live has beyond recorded history is a write by others', () => {
    const graph = writes('v0', ['U', 'v1']);
    expect(graph.plan(N, graph.by('U'), { live: withP('v2') }).conflicts).toMatchObject([
      { type: 'VALUE', live: 'v2' },
    ]);
    expect(graph.plan(N, graph.by('U'), { live: withP('v0') })).toMatchObject({ alreadySo: true });
  });
});

describe('labels', () => {
  test('U Draft->Published, other Published->Archived: STRUCTURE conflict', () => {
    const graph = history(node({}, ['Draft']), ['U', node({}, ['Published'])], ['other', node({}, ['Archived'])]);
    expect(graph.plan(N, graph.by('U')).conflicts).toEqual([
      {
        type: 'STRUCTURE',
        aspect: 'LABEL',
        property: null,
        base: { $list: { of: 'STRING', values: ['Published'] } },
        target: { $list: { of: 'STRING', values: ['Draft'] } },
        live: { $list: { of: 'STRING', values: ['Archived'] } },
        merged: { $list: { of: 'STRING', values: ['Archived', 'Draft'] } },
        mergesCleanly: true,
        overwritable: true,
        liveSeq: 3n,
        explanation:
          'Taking back the labels of Archived n from Published to Draft would lose what others have made them since: Archived.',
      },
    ]);
  });

  test('labels and properties are judged apart', () => {
    const graph = history(node({ p: 1 }, ['A']), ['U', node({ p: 2 }, ['B'])], ['other', node({ p: 2 }, ['C'])]);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan.after).toEqual(node({ p: 1 }, ['C']));
    expect(plan.overwritten).toEqual(node({ p: 1 }, ['A']));
  });
});
