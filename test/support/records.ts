import { randomUUID } from 'node:crypto';
import type { PrismaClient } from '../../src/generated/prisma/client.ts';

/** Rows as the services leave them, for tests that only read. */

const MINUTE = 60_000;
const start = Date.parse('2026-01-01T00:00:00Z');

/** Points named p0, p1, ... a minute apart; the newest last. Two of them share their time of creation. */
export async function addPoints(prisma: PrismaClient, graphId: number, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await prisma.rollbackPoint.createMany({
    data: ids.map((id, index) => ({
      id,
      graphId,
      name: `p${index}`,
      timestamp: new Date(start),
      createdAt: new Date(start + Math.max(1, index) * MINUTE),
      status: 'STORED',
      origin: 'MANUAL',
      progress: 100,
      epoch: 1,
      seq: 0n,
    })),
  });
  return ids;
}

/** `count` operations that restore to each point. */
export async function addOperations(
  prisma: PrismaClient,
  graphId: number,
  points: readonly (string | null)[],
  count: number,
): Promise<string[]> {
  const rows = points.flatMap((point) =>
    Array.from({ length: count }, (_, index) => ({
      id: randomUUID(),
      graphId,
      type: point === null ? 'UNDO' : 'RESTORE',
      targetRollbackPointId: point,
      status: 'COMPLETED',
      outcome: 'APPLIED',
      strategy: 'IMMEDIATE',
      policy: { default: 'MANUAL', value: 'SKIP' },
      undo: { by: 'restore', from: '0', until: '0' },
      progress: 100,
      createdAt: new Date(start + index * MINUTE),
    })),
  );
  await prisma.rollbackOperation.createMany({ data: rows });
  return rows.map(({ id }) => id);
}

const counts = { planned: '9', applied: '1', skipped: '0', conflicted: '0' };

/** Progress events of an operation, seq from `first`. */
export async function addEvents(
  prisma: PrismaClient,
  graphId: number,
  operationId: string,
  seqs: readonly number[],
  message: string | null = null,
): Promise<void> {
  await prisma.operationEvent.createMany({
    data: seqs.map((seq) => ({
      operationId,
      graphId,
      seq: BigInt(seq),
      type: 'PROGRESS',
      status: 'EXECUTING',
      progress: Math.min(seq, 100),
      counts,
      message,
    })),
  });
}

/** Plan rows, conflicts, log entries and proof differences of one operation, `count` of each. */
export async function addPlan(prisma: PrismaClient, operationId: string, count: number): Promise<string[]> {
  const places = Array.from({ length: count }, (_, index) => index);
  const state = (key: string, n: number) => ({ kind: 'NODE', key, labels: ['A'], properties: { n } });
  const conflicts = places.map((index) => ({
    id: randomUUID(),
    operationId,
    no: BigInt(index),
    kind: 0,
    key: `k${index}`,
    type: 'VALUE',
    aspect: 'PROPERTY',
    property: 'n',
    base: 1,
    target: 0,
    live: { $float: '2.0' },
    liveHash: '00',
    liveSeq: 1n,
    status: index % 2 === 0 ? 'OPEN' : 'RESOLVED',
    explanation: 'someone wrote on top',
  }));
  await prisma.conflict.createMany({ data: conflicts });
  await prisma.planRow.createMany({
    data: places.map((index) => ({
      operationId,
      no: BigInt(index),
      phase: 1,
      kind: 0,
      key: `k${index}`,
      action: 'UPDATED',
      state: 'PENDING',
      cascade: index % 2 === 0,
      before: state(`k${index}`, 1),
      after: state(`k${index}`, 0),
      conflictId: conflicts[index]?.id ?? null,
    })),
  });
  await prisma.operationLogEntry.createMany({
    data: places.map((index) => ({ operationId, no: BigInt(index), level: 'INFO', message: `m${index}` })),
  });
  await prisma.proofDifference.createMany({
    data: places.map((index) => ({
      operationId,
      no: BigInt(index),
      kind: 0,
      key: `k${index}`,
      explained: index % 2 === 0,
      expected: state(`k${index}`, 1),
      actual: state(`k${index}`, 2),
    })),
  });
  return conflicts.map(({ id }) => id);
}

/** Sessions s0, s1, ... a minute apart; every second one is closed. */
export async function addSessions(prisma: PrismaClient, graphId: number, count: number): Promise<string[]> {
  const rows = Array.from({ length: count }, (_, index) => ({
    id: randomUUID(),
    graphId,
    name: `s${index}`,
    actor: 'ada',
    openedAt: new Date(start + index * MINUTE),
    closedAt: index % 2 === 0 ? null : new Date(start + (index + 1) * MINUTE),
  }));
  await prisma.session.createMany({ data: rows });
  return rows.map(({ id }) => id);
}

/** Audit entries of a point, a minute apart. */
export async function addAudit(prisma: PrismaClient, rollbackPointId: string, count: number): Promise<void> {
  await prisma.auditEntry.createMany({
    data: Array.from({ length: count }, (_, index) => ({
      id: randomUUID(),
      rollbackPointId,
      eventType: index % 2 === 0 ? 'point.created' : 'point.validated',
      userId: 'ada',
      ipAddress: '127.0.0.1',
      createdAt: new Date(start + index * MINUTE),
      seq: BigInt(index + 1),
      hash: `${index}`,
    })),
  });
}
