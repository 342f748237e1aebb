import type { ElementType, ListElement, Value } from '../../src/core/values.ts';

const list = (of: ElementType, ...values: ListElement[]): Value => ({ $list: { of, values } });

/** Pairs of values, and whether a unique index of Neo4j takes them for the same. */
export const NUMBER_PAIRS: readonly (readonly [Value, Value, boolean])[] = [
  [1, { $float: '1.0' }, true],
  [-1, { $float: '-1.0' }, true],
  [0, { $float: '-0.0' }, false],
  [{ $float: '0.0' }, { $float: '-0.0' }, false],
  [1, 1.5, false],
  [1, '1', false],
  [1, true, false],
  [{ $integer: '9007199254740992' }, { $float: '9007199254740992.0' }, true],
  [{ $integer: '9007199254740993' }, { $float: '9007199254740992.0' }, false],
  [{ $integer: '1152921504606846976' }, { $float: '1152921504606847000.0' }, false],
  [{ $integer: '9223372036854775807' }, { $float: '9223372036854776000.0' }, false],
  [list('INTEGER', 1, 2), list('FLOAT', 1, 2), true],
  [list('INTEGER', 1), 1, false],
  [list('INTEGER', '9007199254740993'), list('FLOAT', 9007199254740992), false],
  [list('FLOAT', 0), list('FLOAT', '-0.0'), false],
];
