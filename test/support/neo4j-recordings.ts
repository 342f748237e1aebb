import { afterAll, afterEach, beforeAll } from '@jest/globals';
import neo4j, { type Driver } from 'neo4j-driver';
import type { Database } from '../../src/ports/database.ts';
import { borrowSharedNeo4j } from './neo4j.ts';
import { Neo4jRecording } from './neo4j-recording.ts';
import { createPgliteDatabase } from './postgres.ts';

export type Neo4jRecordingOptions = Parameters<typeof Neo4jRecording.open>[3];

export interface Neo4jRecordings {
  readonly database: Database;
  /** A user's. */
  readonly driver: Driver;
  readonly url: string;
  /** One at a time, closed when its test ends. */
  open(options?: Neo4jRecordingOptions): Promise<Neo4jRecording>;
}

/** Recordings of the shared Neo4j, which a suite has to itself meanwhile. */
export function neo4jRecordings(): Neo4jRecordings {
  let server: Awaited<ReturnType<typeof borrowSharedNeo4j>>;
  let database: Database;
  let driver: Driver;
  let recording: Neo4jRecording | undefined;
  let opened = 0;
  beforeAll(async () => {
    server = await borrowSharedNeo4j();
    database = await createPgliteDatabase({ migrated: true });
    driver = neo4j.driver(server.url, undefined, { useBigInt: true });
  });
  afterEach(async () => {
    await recording?.close();
    recording = undefined;
  });
  afterAll(async () => {
    await driver?.close();
    await database?.close();
    server?.giveBack();
  });
  return {
    get database() {
      return database;
    },
    get driver() {
      return driver;
    },
    get url() {
      return server.url;
    },
    async open(options = {}) {
      opened += 1;
      recording = await Neo4jRecording.open(database, server.url, `g${opened}`, options);
      return recording;
    },
  };
}
