import type { Feeds } from './contract/live.ts';
import type { DiffEngine, GraphReader, SchemaReader } from './contract/reading.ts';
import type { GraphAttacher, Rehearser, RollbackManager, Verifier } from './contract/rollback.ts';
import type { Archiver, GraphWriter, SessionManager, SnapshotManager } from './contract/writing.ts';

export type * from './contract/caller.ts';
export type * from './contract/live.ts';
export type * from './contract/reading.ts';
export type * from './contract/rollback.ts';
export type * from './contract/writing.ts';

/**
 * The service layer as the edges (GraphQL, REST, CLI) see it. Records that are plain rows (points, operations, conflicts,
 * sessions, events) are read by the edge straight from the store; whatever decides, writes or computes goes through here.
 * Ids are database ids (UUIDs), graph names are names. Everything throws the errors of core/errors.ts.
 */
export interface Services {
  readonly graphs: GraphReader;
  readonly writer: GraphWriter;
  readonly sessions: SessionManager;
  readonly snapshots: SnapshotManager;
  readonly archives: Archiver;
  readonly diffs: DiffEngine;
  readonly schemas: SchemaReader;
  readonly rollbacks: RollbackManager;
  readonly verifier: Verifier;
  readonly rehearsals: Rehearser;
  readonly attacher: GraphAttacher;
  readonly feeds: Feeds;
}
