import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresIdempotencyStore } from '../../src/adapters/postgres/idempotency-store.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { PostgresSchemaReadings } from '../../src/adapters/postgres/schema-readings.ts';
import { PostgresVerificationStore } from '../../src/adapters/postgres/verification-store.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { VerificationRecord } from '../../src/ports/verification-store.ts';
import { Idempotency } from '../../src/services/idempotency.ts';
import { Verifier } from '../../src/services/verifier.ts';
import { CALLER, openWorld, type WorldOptions } from './rollback-world.ts';

export type VerifyingWorld = Awaited<ReturnType<typeof openVerifyingWorld>>;

/** A world with one verifier that takes verifications; others, which do not, can be made beside it. */
export async function openVerifyingWorld(
  { database, close }: { readonly database: PostgresStore; close(): Promise<void> },
  options: Pick<WorldOptions, 'wrapGraph' | 'neo4j' | 'queue'> = {},
) {
  const world = await openWorld(database, { queue: 'pg-boss', ...options });
  const verifications = new PostgresVerificationStore(database);
  const schemas = new PostgresSchemaReadings(database);
  const make = (): Verifier => {
    const holder = randomUUID();
    const idempotency = new Idempotency({ store: new PostgresIdempotencyStore(database), keys: world.keys, holder });
    return new Verifier({ ...world, schemas, clock: systemClock, verifications, idempotency, holder });
  };
  const verifier = make();
  await verifier.start();
  const ended = async (id: string): Promise<VerificationRecord> => {
    for (;;) {
      const found = await verifications.get(id);
      if (found !== null && found.status !== 'RUNNING') return found;
      await sleep(20);
    }
  };
  return {
    world,
    verifications,
    verifier,
    make,
    ended,
    verify: async (): Promise<VerificationRecord> => ended(await verifier.begin(CALLER, { graph: 'demo' })),
    close: async (): Promise<void> => {
      verifier.stop();
      await world.close();
      await close();
    },
  };
}
