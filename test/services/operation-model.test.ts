import { describe } from '@jest/globals';
import { engines } from '../support/engines.ts';
import { walks } from '../support/operation-walks.ts';

describe.each(engines)('on random paths of the real services, with crashes between any two steps, on %s', (_, open) => {
  walks(open, { numRuns: 8, maxCommands: 25 });
});
