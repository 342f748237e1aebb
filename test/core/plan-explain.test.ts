import { describe, expect, test } from '@jest/globals';
import { nameOf } from '../../src/core/plan-explain.ts';
import { history, N, node, R, relationship } from '../support/entity-history.ts';

const ADA = { actor: 'ada', time: new Date('2024-05-01T02:10:07.9Z') };

describe('an entity is named as its user knows it', () => {
  test.each([
    [
      'by labels and name',
      node({ name: 'Ada Lovelace', title: 'Countess' }, ['Person', 'Poet']),
      'Person:Poet "Ada Lovelace" (n)',
    ],
    ['by title where it has no name', node({ title: 'Notes' }, ['Book']), 'Book "Notes" (n)'],
    ['by its key where its name is no text, or empty', node({ name: 5, title: '' }, ['Book']), 'Book n'],
    ['by its key where it is called so', node({ name: 'n' }, ['Book']), 'Book n'],
    ['without labels', node({ name: 'x' }), 'node "x" (n)'],
    ['when nothing is known of it', null, 'node n'],
  ])('%s', (_, state, name) => {
    expect(nameOf(N, state)).toBe(name);
  });

  test('a relationship by its ends', () => {
    expect(nameOf(R, relationship('a', 'b'))).toBe('relationship r (a KNOWS b)');
  });

  test('long names are cut', () => {
    expect(nameOf(N, node({ name: 'x'.repeat(100) })).length).toBeLessThan(80);
  });
});

describe('a conflict says who changed live, and when', () => {
  const start = node({ name: 'Ada', p: 1 }, ['Person']);
  const graph = history(
    start,
    ['U', node({ name: 'Ada', p: 2, q: 1 }, ['Person'])],
    ['other', node({ name: 'Ada', p: 3, q: 1 }, ['Person'])],
    ['other', node({ name: 'Ada', p: 3, q: 2 }, ['Person'])],
  );

  test('each property by its own last write', () => {
    const authorOf = (seq: bigint): typeof ADA => ({ ...ADA, actor: `writer ${seq}` });
    expect(graph.plan(N, graph.by('U'), { authorOf }).conflicts).toMatchObject([
      {
        property: 'p',
        liveSeq: 3n,
        explanation:
          'Taking back p of Person "Ada" (n) from 2 to 1 would lose what others have made it since (writer 3 at 2024-05-01 02:10:07 UTC): 3.',
      },
      { property: 'q', liveSeq: 4n },
    ]);
  });

  test('of an entity that would vanish by the last write of what others put into it', () => {
    const made = history(null, ['U', node({ p: 1 })], ['other', node({ p: 1, q: 1 })], ['U', node({ p: 2, q: 1 })]);
    expect(made.plan(N, made.by('U'), { authorOf: () => ADA }).conflicts).toMatchObject([
      {
        aspect: 'EXISTENCE',
        liveSeq: 3n,
        explanation:
          'Taking back the creation of node n would lose what others wrote to it (ada at 2024-05-01 02:10:07 UTC): q.',
      },
    ]);
  });

  test('of an entity that is gone by its deletion', () => {
    const gone = history(start, ['U', node({ name: 'Ada', p: 2 }, ['Person'])], ['other', null]);
    const [conflict] = gone.plan(N, gone.by('U'), { authorOf: () => ({ ...ADA, actor: null }) }).conflicts;
    expect(conflict).toMatchObject({
      liveSeq: 3n,
      explanation:
        'What is to be taken back changed p of Person "Ada" (n), which others have deleted since (2024-05-01 02:10:07 UTC).',
    });
  });

  test('what was written after all that is recorded has no transaction yet', () => {
    const live = node({ name: 'Ada', p: 9 }, ['Person']);
    const [conflict] = graph.plan(N, graph.by('U'), { live, authorOf: () => ADA }).conflicts;
    expect(conflict).toMatchObject({ liveSeq: null });
  });
});
