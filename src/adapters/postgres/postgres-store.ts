import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import type { Db } from 'pg-boss';
import type { Database } from '../../ports/database.ts';

/** What the job queue needs: `new PgBoss({ ...store.queueDatabase() })`. */
export interface QueueDatabase {
  readonly backend: 'postgres' | 'pglite';
  readonly db: Db;
}

/** A database whose one pool or instance also serves Prisma and the job queue. */
export interface PostgresStore extends Database {
  /** For `new PrismaClient({ adapter })`. */
  prismaAdapter(): SqlDriverAdapterFactory;
  queueDatabase(): QueueDatabase;
}
