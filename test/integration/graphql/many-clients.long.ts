import { expect, test } from '@jest/globals';
import { graphEngines } from '../../support/graph-engines.ts';
import { ManyClients } from '../../support/many-clients.ts';
import { startService } from '../../support/service.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

test.each(graphEngines)(`20 clients at random for three minutes, on %s (seed ${seed})`, async (_, open) => {
  const { database, setting, close } = await open();
  const service = await startService(database, { graphs: [setting] });
  try {
    const clients = new ManyClients(service, seed);
    await clients.run(20, 180_000);
    await clients.rest(60_000);
    await clients.judge();
    console.log(Object.fromEntries([...clients.tally].sort()));
    expect(clients.tally.get('resolveConflicts')).toBeGreaterThan(20);
  } finally {
    await service.stop();
    await close();
  }
});
