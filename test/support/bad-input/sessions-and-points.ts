import type { Answer } from '../graphql-client.ts';
import { BAD_NAMES, type Case, invalid, LONE, NUL, notFound, shown, wrongState } from './cases.ts';
import { unknownId } from './world.ts';

export const sessions: readonly Case[] = [
  ['on an unknown graph', 'openSession', () => ({ graph: 'nowhere' }), notFound()],
  ['on a graph named by a lone surrogate', 'openSession', () => ({ graph: LONE }), notFound()],
  ['whose name is taken', 'openSession', () => ({ graph: 'demo', name: 'open', actor: 'ada' }), wrongState('OPEN')],
  ['without a name', 'openSession', () => ({ graph: 'demo', name: '' }), invalid('name')],
  ...BAD_NAMES.flatMap((bad): Case[] => [
    [`named ${shown(bad)}`, 'openSession', () => ({ graph: 'demo', name: bad }), invalid('name')],
    [`of actor ${shown(bad)}`, 'openSession', () => ({ graph: 'demo', actor: bad }), invalid('actor')],
    [`labelled ${shown(bad)}`, 'openSession', () => ({ graph: 'demo', label: bad }), invalid('label')],
  ]),
  ['that is closed', 'closeSession', ({ closedSession }) => ({ id: closedSession }), wrongState('CLOSED')],
  ['that is unknown', 'closeSession', () => ({ id: unknownId('Session') }), notFound()],
  ['that is an operation', 'closeSession', ({ done }) => ({ id: done }), invalid('id')],
];

const at = (moment: Answer) => () => ({ graph: 'demo', name: 'new', at: moment });
export const points: readonly Case[] = [
  ['on an unknown graph', 'createRollbackPoint', () => ({ graph: 'nowhere', name: 'new' }), notFound()],
  ...BAD_NAMES.map(
    (bad): Case => [
      `named ${shown(bad)}`,
      'createRollbackPoint',
      () => ({ graph: 'demo', name: bad }),
      invalid('name'),
    ],
  ),
  ['without a name', 'createRollbackPoint', () => ({ graph: 'demo', name: '' }), invalid('name')],
  [
    'described by U+0000',
    'createRollbackPoint',
    () => ({ graph: 'demo', name: 'new', description: NUL }),
    invalid('description'),
  ],
  [
    'described at length',
    'createRollbackPoint',
    () => ({ graph: 'demo', name: 'new', description: 'x'.repeat(10_001) }),
    invalid('description'),
  ],
  [
    'with U+0000 in its metadata',
    'createRollbackPoint',
    () => ({ graph: 'demo', name: 'new', metadata: { a: [NUL] } }),
    invalid('metadata'),
  ],
  [
    'with a lone surrogate in its metadata',
    'createRollbackPoint',
    () => ({ graph: 'demo', name: 'new', metadata: { [LONE]: 1 } }),
    invalid('metadata'),
  ],
  [
    'with much metadata',
    'createRollbackPoint',
    () => ({ graph: 'demo', name: 'new', metadata: 'x'.repeat(70_000) }),
    invalid('metadata'),
  ],
  [
    'that expired in the past',
    'createRollbackPoint',
    () => ({ graph: 'demo', name: 'new', expiresAt: '2020-01-01T00:00:00Z' }),
    invalid('expiresAt'),
  ],
  ['at a seq to come', 'createRollbackPoint', at({ seq: '999' }), invalid('at.seq')],
  ['at a negative seq', 'createRollbackPoint', at({ seq: -1 }), invalid('at.seq')],
  ['at a time to come', 'createRollbackPoint', at({ time: '2999-01-01T00:00:00Z' }), invalid('at.time')],
  ['before capture began', 'createRollbackPoint', at({ time: '1999-01-01T00:00:00Z' }), wrongState('HISTORY_DROPPED')],
  ['at an unknown point', 'createRollbackPoint', at({ point: unknownId('RollbackPoint') }), notFound()],
  ['at a deleted point', 'createRollbackPoint', ({ deleted }) => at({ point: deleted })(), notFound()],
  ['at an expired point', 'createRollbackPoint', ({ expired }) => at({ point: expired })(), wrongState('EXPIRED')],
  [
    'at a point of another graph',
    'createRollbackPoint',
    ({ foreignPoint }) => at({ point: foreignPoint })(),
    invalid('at.point'),
  ],
  [
    'at a session instead of a point',
    'createRollbackPoint',
    ({ openSession }) => at({ point: openSession })(),
    invalid('at.point'),
  ],
  [
    'for a session of another graph',
    'createRollbackPoint',
    ({ foreignSession }) => ({ graph: 'demo', name: 'new', session: foreignSession }),
    invalid('session'),
  ],
  [
    'for an unknown session',
    'createRollbackPoint',
    () => ({ graph: 'demo', name: 'new', session: unknownId('Session') }),
    notFound(),
  ],
  ['that is unknown', 'updateRollbackPoint', () => ({ id: unknownId('RollbackPoint'), name: 'new' }), notFound()],
  ['that is deleted', 'updateRollbackPoint', ({ deleted }) => ({ id: deleted, name: 'new' }), notFound()],
  ['that has expired', 'updateRollbackPoint', ({ expired }) => ({ id: expired, name: 'new' }), wrongState('EXPIRED')],
  ['to no name', 'updateRollbackPoint', ({ good }) => ({ id: good, name: null }), invalid('name')],
  ['to a name with U+0000', 'updateRollbackPoint', ({ good }) => ({ id: good, name: NUL }), invalid('name')],
  [
    'to an expiry in the past',
    'updateRollbackPoint',
    ({ good }) => ({ id: good, expiresAt: '2020-01-01T00:00:00Z' }),
    invalid('expiresAt'),
  ],
  ['that is held', 'deleteRollbackPoint', ({ held }) => ({ id: held }), wrongState('HELD')],
  ['that is unknown', 'deleteRollbackPoint', () => ({ id: unknownId('RollbackPoint') }), notFound()],
  ['that is no point', 'deleteRollbackPoint', ({ done }) => ({ id: done }), invalid('id')],
  ['that is unknown', 'archiveRollbackPoint', () => ({ id: unknownId('RollbackPoint') }), notFound()],
  ['that is deleted', 'archiveRollbackPoint', ({ deleted }) => ({ id: deleted }), notFound()],
  ['that has expired', 'archiveRollbackPoint', ({ expired }) => ({ id: expired }), wrongState('EXPIRED')],
  ['that is no point', 'archiveRollbackPoint', ({ done }) => ({ id: done }), invalid('id')],
  [
    'with a scope of nothing',
    'archiveRollbackPoint',
    ({ good }) => ({ id: good, scope: { keys: [] } }),
    invalid('scope.keys'),
  ],
  [
    'with a scope that matches no key',
    'archiveRollbackPoint',
    ({ good }) => ({ id: good, scope: { keys: ['zz'] } }),
    invalid('scope'),
  ],
  [
    'with a scope that matches nothing',
    'archiveRollbackPoint',
    ({ good }) => ({ id: good, scope: { labels: ['Nowhere'] } }),
    invalid('scope'),
  ],
  ['that has expired', 'validateRollbackPoint', ({ expired }) => ({ id: expired }), wrongState('EXPIRED')],
  ['that is unknown', 'validateRollbackPoint', () => ({ id: unknownId('RollbackPoint') }), notFound()],
];
