import { expect } from '@jest/globals';
import type { Answer } from '../graphql-client.ts';
import { BAD_NAMES, type Case, constraint, invalid, limited, NUL, notFound, shown, wrongState } from './cases.ts';
import { unknownId } from './world.ts';

const write =
  (...changes: Answer[]) =>
  () => ({ graph: 'demo', actor: 'eve', changes });
const setting = (property: Answer) =>
  write({ putNode: { key: 'new' } }, { putNode: { key: 'a', set: [{ name: 'q', value: 1 }, property] } });
const value = 'changes.1.putNode.set.1.value';

export const writes: readonly Case[] = [
  ['to an unknown graph', 'writeGraph', () => ({ ...write({ putNode: {} })(), graph: 'nowhere' }), notFound()],
  ['to a graph named U+0000', 'writeGraph', () => ({ ...write({ putNode: {} })(), graph: NUL }), notFound()],
  ['of no changes', 'writeGraph', write(), invalid('changes')],
  [
    'of too many changes',
    'writeGraph',
    write(...Array.from({ length: 10_001 }, () => ({ putNode: {} }))),
    limited(10_000),
  ],
  [
    'in an unknown session',
    'writeGraph',
    () => ({ graph: 'demo', session: unknownId('Session'), changes: [{ putNode: {} }] }),
    notFound(),
  ],
  [
    'in a session that is no id',
    'writeGraph',
    () => ({ graph: 'demo', session: 'x', changes: [{ putNode: {} }] }),
    invalid('session'),
  ],
  [
    'in a point as session',
    'writeGraph',
    ({ good }) => ({ graph: 'demo', session: good, changes: [{ putNode: {} }] }),
    invalid('session'),
  ],
  [
    'in a session of another graph',
    'writeGraph',
    ({ foreignSession }) => ({ graph: 'demo', session: foreignSession, changes: [{ putNode: {} }] }),
    invalid('session'),
  ],
  [
    'in a closed session',
    'writeGraph',
    ({ closedSession }) => ({ graph: 'demo', session: closedSession, changes: [{ putNode: {} }] }),
    wrongState('CLOSED'),
  ],
  [
    'with session and actor',
    'writeGraph',
    ({ openSession }) => ({ graph: 'demo', session: openSession, actor: 'ada', changes: [{ putNode: {} }] }),
    invalid('actor'),
  ],
  ...BAD_NAMES.flatMap((bad): Case[] => [
    [`by actor ${shown(bad)}`, 'writeGraph', () => ({ ...write({ putNode: {} })(), actor: bad }), invalid('actor')],
    [
      `under the idempotency key ${shown(bad)}`,
      'writeGraph',
      () => ({ ...write({ putNode: {} })(), idempotencyKey: bad }),
      invalid('idempotencyKey'),
    ],
    [
      `of key ${shown(bad)}`,
      'writeGraph',
      write({ putNode: {} }, { putNode: { key: bad } }),
      invalid('changes.1.putNode.key'),
    ],
    [
      `of label ${shown(bad)}`,
      'writeGraph',
      write({ putNode: { labels: ['A', bad] } }),
      invalid('changes.0.putNode.labels.1'),
    ],
    [
      `of property ${shown(bad)}`,
      'writeGraph',
      setting({ name: bad, value: 1 }),
      invalid('changes.1.putNode.set.1.name'),
    ],
    [
      `removing property ${shown(bad)}`,
      'writeGraph',
      write({ putNode: { key: 'a', remove: [bad] } }),
      invalid('changes.0.putNode.remove.0'),
    ],
    [
      `of type ${shown(bad)}`,
      'writeGraph',
      write({ putRelationship: { type: bad, start: 'a', end: 'b' } }),
      invalid('changes.0.putRelationship.type'),
    ],
    [
      `to the end ${shown(bad)}`,
      'writeGraph',
      write({ putRelationship: { type: 'T', start: 'a', end: bad } }),
      invalid('changes.0.putRelationship.end'),
    ],
    [
      `deleting ${shown(bad)}`,
      'writeGraph',
      write({ deleteRelationship: { key: bad } }),
      invalid('changes.0.deleteRelationship.key'),
    ],
  ]),
  ['of an empty key', 'writeGraph', write({ putNode: { key: '' } }), invalid('changes.0.putNode.key')],
  ['of null', 'writeGraph', setting({ name: 'p', value: { $integer: null } }), invalid(`${value}.$integer`)],
  ['of an unknown tag', 'writeGraph', setting({ name: 'p', value: { $colour: 'red' } }), invalid(value)],
  [
    'of two tags',
    'writeGraph',
    setting({ name: 'p', value: { $date: '2024-01-01', $time: '12:00:00Z' } }),
    invalid(value),
  ],
  ['of a text as INTEGER', 'writeGraph', setting({ name: 'p', value: 'one', type: 'INTEGER' }), invalid(value)],
  [
    'of a tag that is not its type',
    'writeGraph',
    setting({ name: 'p', value: { $date: '2024-01-01' }, type: 'FLOAT' }),
    invalid(value),
  ],
  ['of a whole number beyond 2^53', 'writeGraph', setting({ name: 'p', value: 2 ** 53 }), invalid(value)],
  [
    'of an integer beyond 64 bits',
    'writeGraph',
    setting({ name: 'p', value: { $integer: '9223372036854775808' } }),
    invalid(`${value}.$integer`),
  ],
  [
    'of a day that does not exist',
    'writeGraph',
    setting({ name: 'p', value: { $date: '2023-02-29' } }),
    invalid(`${value}.$date`),
  ],
  ['of a list of two types', 'writeGraph', setting({ name: 'p', value: [1, 'two'] }), invalid(`${value}.1`)],
  [
    'of bytes that are not base64',
    'writeGraph',
    setting({ name: 'p', value: { $bytes: '*' } }),
    invalid(`${value}.$bytes`),
  ],
  [
    'of a point in an unknown system',
    'writeGraph',
    setting({ name: 'p', value: { $point: { srid: 1, coordinates: [1, 2] } } }),
    invalid(`${value}.$point.srid`),
  ],
  ['of a property set twice', 'writeGraph', setting({ name: 'q', value: 1 }), invalid('changes.1.putNode.set.1.name')],
  [
    'of a relationship to a missing node',
    'writeGraph',
    write({ putNode: { key: 'n' } }, { putRelationship: { type: 'T', start: 'n', end: 'nobody' } }),
    constraint({
      changeIndex: 1,
      constraint: 'end',
      otherKey: 'nobody',
      message: expect.stringMatching(/^changes\.1\.putRelationship\.end: /),
    }),
  ],
  [
    'of a relationship without a type',
    'writeGraph',
    write({ putRelationship: { start: 'a', end: 'b' } }),
    invalid('changes.0.putRelationship.type'),
  ],
  [
    'that moves an end',
    'writeGraph',
    write({ putRelationship: { key: 'ab', type: 'KNOWS', start: 'a', end: 'a' } }),
    invalid('changes.0.putRelationship.end'),
  ],
  [
    'that deletes both ends without cascade',
    'writeGraph',
    write({ deleteNode: { key: 'a' } }, { deleteNode: { key: 'b' } }),
    constraint({
      changeIndex: 0,
      constraint: 'relationships',
      otherKey: 'ab',
      message: expect.stringMatching(/^changes\.0\.deleteNode\.key: /),
    }),
  ],
  [
    'that deletes a missing node',
    'writeGraph',
    write({ deleteNode: { key: 'nobody' } }),
    notFound(/^changes\.0\.deleteNode\.key: /),
  ],
  [
    'that updates a missing node',
    'writeGraph',
    write({ putNode: { key: 'nobody', mode: 'UPDATE' } }),
    notFound(/^changes\.0\.putNode\.key: /),
  ],
  [
    'that creates what is there',
    'writeGraph',
    write({ putNode: { key: 'a', mode: 'CREATE' } }),
    constraint({ changeIndex: 0, constraint: 'key', otherKey: 'a' }),
  ],
  [
    'that expects another state',
    'writeGraph',
    write({ putNode: { key: 'a', expectHash: '0'.repeat(64) } }),
    { ...wrongState(''), state: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ],
  [
    'that expects no hash',
    'writeGraph',
    write({ putNode: { key: 'a', expectHash: 'zz' } }),
    invalid('changes.0.putNode.expectHash'),
  ],
];
