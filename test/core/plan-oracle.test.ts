import { describe, test } from '@jest/globals';
import { agree } from '../support/plan-comparison.ts';
import { arbDecidedHistory, arbHistory } from '../support/plan-histories.ts';

describe('the planner and its oracle agree', () => {
  test('about histories with rollbacks', () => agree(arbHistory, 300));
  test('about histories with rollbacks whose conflicts were decided in every way', () => agree(arbDecidedHistory, 300));
});
