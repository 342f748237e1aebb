import { expect, test } from '@jest/globals';
import { engines } from '../../support/engines.ts';
import { ManyClients } from '../../support/many-clients.ts';
import { startService } from '../../support/service.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

/** Minutes of it are in many-clients.long.ts. */
test(`20 clients write, roll back, decide, abort, resume and pause at random: nothing is lost or stuck, all is logged (seed ${seed})`, async () => {
  const [, onServer] = engines;
  if (onServer === undefined) throw new Error('there is no such engine');
  const { database, close } = await onServer[1]();
  const service = await startService(database);
  try {
    const clients = new ManyClients(service, seed);
    await clients.run(20, 10_000);
    await clients.rest(60_000);
    await clients.judge();
    expect(clients.tally.get('resolveConflicts')).toBeGreaterThan(0);
  } finally {
    await service.stop();
    await close();
  }
}, 120_000);
