import { expect } from '@jest/globals';
import type { Answer } from '../graphql-client.ts';
import { BAD_NAMES, type Case, type Ids, invalid, LONE, NUL, notFound, shown, wrongState } from './cases.ts';
import { unknownId } from './world.ts';

const to =
  (moment: Answer, more: Answer = {}) =>
  () => ({ graph: 'demo', to: moment, ...more });
const undo =
  (by: Answer, more: Answer = {}) =>
  () => ({ graph: 'demo', undo: { by, ...more } });
const scoped =
  (scope: Answer) =>
  ({ good }: Ids) => ({ graph: 'demo', to: { point: good }, scope });
const nested = (depth: number): Answer => (depth === 1 ? { keys: ['a'] } : { all: [nested(depth - 1)] });
export const rollbacks: readonly Case[] = [
  ['of an unknown graph', 'rollback', () => ({ ...to({ keyword: 'EARLIEST' })(), graph: 'nowhere' }), notFound()],
  ['to nothing', 'rollback', () => ({ graph: 'demo' }), invalid('to')],
  [
    'to a point and of a session',
    'rollback',
    ({ good, openSession }) => ({ ...to({ point: good })(), ...undo({ session: openSession })() }),
    invalid('undo'),
  ],
  ['to an unknown point', 'rollback', to({ point: unknownId('RollbackPoint') }), notFound()],
  ['to garbage', 'rollback', to({ point: 'garbage' }), invalid('to.point')],
  ['to an expired point', 'rollback', ({ expired }) => to({ point: expired })(), wrongState('EXPIRED')],
  ['to a deleted point', 'rollback', ({ deleted }) => to({ point: deleted })(), notFound()],
  ['to a point of another graph', 'rollback', ({ foreignPoint }) => to({ point: foreignPoint })(), invalid('to.point')],
  ['to a time before capture began', 'rollback', to({ time: '1999-01-01T00:00:00Z' }), wrongState('HISTORY_DROPPED')],
  ['to a time to come', 'rollback', to({ time: '2999-01-01T00:00:00Z' }), invalid('to.time')],
  ['to a seq to come', 'rollback', to({ seq: '9223372036854775807' }), invalid('to.seq')],
  ['of an unknown session', 'rollback', undo({ session: unknownId('Session') }), notFound()],
  ['of a session name that nobody has', 'rollback', undo({ session: 'nobody' }), invalid('undo.by.session')],
  ['of a session name with U+0000', 'rollback', undo({ session: NUL }), invalid('undo.by.session')],
  ['of a session name with a lone surrogate', 'rollback', undo({ session: LONE }), invalid('undo.by.session')],
  [
    'of a session of another graph',
    'rollback',
    ({ foreignSession }) => undo({ session: foreignSession })(),
    invalid('undo.by.session'),
  ],
  ['of an actor at any time', 'rollback', undo({ actor: 'ada' }), invalid('undo.from')],
  ['of everyone at any time', 'rollback', undo({ everyone: 'EVERYONE' }), invalid('undo.from')],
  ...BAD_NAMES.map(
    (bad): Case => [
      `of actor ${shown(bad)}`,
      'rollback',
      undo({ actor: bad }, { from: { seq: 0 } }),
      invalid('undo.by.actor'),
    ],
  ),
  [
    'of an actor until before from',
    'rollback',
    undo({ actor: 'ada' }, { from: { seq: 1 }, until: { seq: 0 } }),
    invalid('undo.until'),
  ],
  [
    'of an actor from before capture',
    'rollback',
    undo({ actor: 'ada' }, { from: { time: '1999-01-01T00:00:00Z' } }),
    wrongState('HISTORY_DROPPED'),
  ],
  ['of an unknown operation', 'rollback', undo({ operation: unknownId('RollbackOperation') }), notFound()],
  [
    'of an operation of another graph',
    'rollback',
    ({ foreignDone }) => undo({ operation: foreignDone })(),
    invalid('undo.by.operation'),
  ],
  ['of a dry run', 'rollback', ({ dryRun }) => undo({ operation: dryRun })(), invalid('undo.by.operation')],
  ['of no transactions', 'rollback', undo({ transactions: [] }), invalid('undo.by.transactions')],
  ['of a transaction to come', 'rollback', undo({ transactions: ['1', '999'] }), invalid('undo.by.transactions.1')],
  ['of the beginning', 'rollback', undo({ transactions: ['0'] }), wrongState('HISTORY_DROPPED')],
  [
    'of too many transactions',
    'rollback',
    undo({ transactions: Array.from({ length: 10_001 }, () => '1') }),
    invalid('undo.by.transactions'),
  ],
  ['in an empty scope', 'rollback', scoped({}), invalid('scope')],
  ['in a scope of no labels', 'rollback', scoped({ labels: [] }), invalid('scope.labels')],
  ['in a scope nested too deep', 'rollback', scoped(nested(6)), invalid('scope.all.0.all.0.all.0.all.0.all.0')],
  [
    'in a scope of too many parts',
    'rollback',
    scoped({ any: Array.from({ length: 100 }, () => ({ keys: ['a'] })) }),
    invalid('scope.any.99'),
  ],
  ...BAD_NAMES.map(
    (bad): Case => [
      `in a scope of key ${shown(bad)}`,
      'rollback',
      scoped({ not: { keys: ['a', bad] } }),
      invalid('scope.not.keys.1'),
    ],
  ),
  [
    'in a neighbourhood of many hops',
    'rollback',
    scoped({ neighbourhood: { keys: ['a'], hops: 11 } }),
    invalid('scope.neighbourhood.hops'),
  ],
  [
    'in batches of none',
    'rollback',
    ({ good }) => to({ point: good }, { strategy: 'GRADUAL', batchSize: 0 })(),
    invalid('batchSize'),
  ],
  [
    'in batches without bound',
    'rollback',
    ({ good }) => to({ point: good }, { strategy: 'GRADUAL', batchSize: 2_000_000_000 })(),
    invalid('batchSize'),
  ],
  [
    'at no pace',
    'rollback',
    ({ good }) => to({ point: good }, { maxChangesPerSecond: 0 })(),
    invalid('maxChangesPerSecond'),
  ],
  ['for a reason with U+0000', 'rollback', ({ good }) => to({ point: good }, { reason: NUL })(), invalid('reason')],
  [
    'for a long reason',
    'rollback',
    ({ good }) => to({ point: good }, { reason: 'x'.repeat(2001) })(),
    invalid('reason'),
  ],
  [
    'under an idempotency key with U+0000',
    'rollback',
    ({ good }) => to({ point: good }, { idempotencyKey: NUL })(),
    invalid('idempotencyKey'),
  ],
  [
    'that is unknown',
    'executeRollback',
    ({ planHash }) => ({ id: unknownId('RollbackOperation'), expectPlan: planHash }),
    notFound(),
  ],
  ['that is no dry run', 'executeRollback', ({ done }) => ({ id: done, expectPlan: 'x' }), wrongState('COMPLETED')],
  [
    'by another plan',
    'executeRollback',
    ({ dryRun }) => ({ id: dryRun, expectPlan: LONE }),
    {
      __typename: 'PlanChangedError',
      code: 'PLAN_CHANGED',
      expected: expect.any(String),
      operation: { id: expect.any(String) },
    },
  ],
  [
    'in batches of none',
    'executeRollback',
    ({ dryRun, planHash }) => ({ id: dryRun, expectPlan: planHash, strategy: 'GRADUAL', batchSize: 0 }),
    invalid('batchSize'),
  ],
  ['that has ended', 'abortRollback', ({ done }) => ({ id: done }), wrongState('COMPLETED')],
  ['that is unknown', 'abortRollback', () => ({ id: unknownId('RollbackOperation') }), notFound()],
  ['for a reason with U+0000', 'abortRollback', ({ done }) => ({ id: done, reason: NUL }), invalid('reason')],
  ['for a long reason', 'abortRollback', ({ done }) => ({ id: done, reason: 'x'.repeat(2001) }), invalid('reason')],
  ['that wrote nothing', 'undoRollback', ({ dryRun }) => ({ id: dryRun }), wrongState('COMPLETED')],
  ['that is a point', 'undoRollback', ({ good }) => ({ id: good }), invalid('id')],
  ['of an unknown graph', 'verifyGraph', () => ({ graph: 'nowhere' }), notFound()],
];
