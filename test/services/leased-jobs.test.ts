import { expect, test } from '@jest/globals';
import { LeasedJobs } from '../../src/services/leased-jobs.ts';

test('an instance that stops waits for its sweep, so that nothing is asked of what is closed afterwards', async () => {
  const began = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const order: string[] = [];
  const jobs = new LeasedJobs<never>(
    {
      queueName: 'work',
      queue: { handle: async () => {}, send: async () => {} },
      keys: { next: () => 'key' },
      records: {
        acquire: async () => null,
        release: async () => {},
        forgetLeases: async () => {},
        abandoned: async () => [],
      },
      turn: async () => null,
      async tidy() {
        began.resolve();
        await released.promise;
        order.push('swept');
      },
    },
    { holder: 'one' },
  );
  await jobs.start();
  await began.promise;
  const stopping = jobs.stop().then(() => order.push('stopped'));
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  released.resolve();
  await stopping;
  expect(order).toEqual(['swept', 'stopped']);
});
