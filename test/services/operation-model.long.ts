import { describe } from '@jest/globals';
import { engines } from '../support/engines.ts';
import { walks } from '../support/operation-walks.ts';

describe.each(engines)(
  'on many random paths of the real services, with crashes between any two steps, on %s',
  (_, open) => {
    walks(open, { numRuns: 400, maxCommands: 60 });
  },
);
