import { accumulator, checksumToHex } from '../core/checksum.ts';
import type { EntityKind } from '../core/entities.ts';
import { stateHash } from '../core/hash.ts';
import { nextPointStatus } from '../core/states.ts';
import type { ArchiveSnapshot } from '../ports/archive-store.ts';
import { isRetryable, isUnavailable } from '../ports/database.ts';
import type { PointRecord } from '../ports/point-store.ts';
import { checkArchive } from './archives/reading.ts';
import { auditFact } from './audit-facts.ts';
import type { SnapshotManagerDependencies } from './snapshot-manager.ts';

const PAGE = 2000;

type Dependencies = Pick<SnapshotManagerDependencies, 'history' | 'points' | 'archives' | 'blobs' | 'bus' | 'clock'>;

/**
 * Recomputes what the point promises: every state that history has at its seq is hashed anew, and counts and content checksum are compared
 * with the point's and with the recorded transaction's; then every archive is read back. Reads the whole state in pages and archives in
 * chunks; a crash leaves the point VALIDATING, and the validation starts over. What cannot be read is a problem of the point.
 */
export async function validatePoint(deps: Dependencies, id: string): Promise<void> {
  const point = await deps.points.get(id);
  if (point === null || point.deletedAt !== null || point.status !== 'VALIDATING') return;
  const problems = await findProblems(deps, point).catch(unreadable);
  const to = nextPointStatus(point.status, problems.length === 0 ? 'PASS' : 'REJECT');
  if (to === null) return;
  const fact = auditFact(null, problems.length === 0 ? 'POINT_VALID' : 'POINT_INVALID', { pointId: id }, { problems });
  await deps.points.transition(id, { from: point.status, to, progress: 100, problems }, deps.clock.now(), fact);
  deps.bus.publish(`point:${id}`);
}

/** @throws what another try may get past */
function unreadable(error: unknown): string[] {
  if (isRetryable(error) || isUnavailable(error)) throw error;
  return [`what the point promises cannot be read: ${error instanceof Error ? error.message : 'it failed'}`];
}

async function findProblems(deps: Dependencies, point: PointRecord): Promise<string[]> {
  const { seq, checksum } = point;
  if (seq === null || checksum === null) return ['the point names no moment'];
  const problems: string[] = [];
  const damaged = new Set<string>();
  for (const snapshot of await deps.points.checkSnapshots(point.id)) {
    if (snapshot.undamaged) continue;
    damaged.add(snapshot.id);
    problems.push(`snapshot ${snapshot.id} (${snapshot.type}) is damaged`);
    await deps.points.setSnapshotProblems(snapshot.id, ['its data does not match its checksum']);
  }
  const recorded = (await deps.history.transactionsBySeq(point.graphId, [seq])).get(seq);
  if (recorded === undefined) problems.push(`history has no transaction ${seq}`);
  else if (Buffer.compare(recorded.checksum, checksum) !== 0)
    problems.push(`transaction ${seq} was recorded with another checksum`);
  // Where an archive lies is said by its data: what that says once it is damaged is not followed.
  const archives = (await deps.archives.snapshots(point.id)).filter(({ id }) => !damaged.has(id));
  const content = Number(point.nodeCount ?? 0n) + Number(point.relationshipCount ?? 0n);
  const total = content * (1 + archives.length);
  let read = 0;
  const onRead = async (count: number): Promise<void> => {
    read += count;
    await deps.points.setProgress(
      point.id,
      Math.min(99, Math.floor((read * 100) / Math.max(1, total))),
      deps.clock.now(),
    );
    deps.bus.publish(`point:${point.id}`);
  };
  const sum = accumulator();
  for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
    const counted = await addAll(deps, point, kind, seq, sum, onRead);
    const expected = kind === 'NODE' ? point.nodeCount : point.relationshipCount;
    if (counted !== expected)
      problems.push(`history holds ${counted} ${kind.toLowerCase()}s at the point, which promises ${expected}`);
  }
  const actual = checksumToHex(sum.sum());
  const promised = checksumToHex(checksum);
  if (actual !== promised) problems.push(`the states add up to checksum ${actual}, the point promises ${promised}`);
  for (const archive of archives) problems.push(...(await archiveProblems(deps, point, archive, onRead)));
  return problems;
}

async function archiveProblems(
  { blobs, points }: Dependencies,
  { nodeCount, relationshipCount, checksum }: PointRecord,
  { id, type, data }: ArchiveSnapshot,
  onRead: (count: number) => Promise<void>,
): Promise<string[]> {
  const whole = type === 'FULL' && nodeCount !== null && relationshipCount !== null && checksum !== null;
  const promise = whole ? { nodes: nodeCount, relationships: relationshipCount, checksum } : null;
  const found = await checkArchive(blobs, data, promise, onRead);
  await points.setSnapshotProblems(id, found);
  return found.map((problem) => `archive ${id}: ${problem}`);
}

async function addAll(
  { history }: Dependencies,
  { graphId }: PointRecord,
  kind: EntityKind,
  seq: bigint,
  sum: ReturnType<typeof accumulator>,
  onPage: (count: number) => Promise<void>,
): Promise<bigint> {
  let counted = 0n;
  for (let after: string | undefined; ; ) {
    const { items, hasMore } = await history.scanAt(graphId, seq, { kind }, { limit: PAGE, after });
    for (const state of items) sum.add(stateHash(state));
    counted += BigInt(items.length);
    await onPage(items.length);
    after = items.at(-1)?.key;
    if (!hasMore) return counted;
  }
}
