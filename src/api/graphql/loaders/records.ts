import type {
  AuditEntry,
  Conflict,
  Rehearsal,
  ResolutionRule,
  RollbackOperation,
  RollbackPoint,
  RollbackSnapshot,
  Session,
  Verification,
} from '../../../generated/prisma/client.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { byKey } from './batching.ts';

const byId = <Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.id, row]));

/** Records by id through Prisma. Points that were deleted are found too: what refers to them still shows them. */
export function recordLoaders({ prisma }: ApiDependencies) {
  const among = (ids: readonly string[]) => ({ where: { id: { in: [...ids] } } });
  return {
    point: byKey<string, RollbackPoint>(async (ids) => byId(await prisma.rollbackPoint.findMany(among(ids)))),
    operation: byKey<string, RollbackOperation>(async (ids) => {
      const rows = await prisma.rollbackOperation.findMany({ ...among(ids), omit: { logEntries: true } });
      return byId(rows.map((row) => ({ ...row, logEntries: [] })));
    }),
    conflict: byKey<string, Conflict>(async (ids) => byId(await prisma.conflict.findMany(among(ids)))),
    resolutionRule: byKey<string, ResolutionRule>(async (ids) =>
      byId(await prisma.resolutionRule.findMany(among(ids))),
    ),
    rehearsal: byKey<string, Rehearsal>(async (ids) => byId(await prisma.rehearsal.findMany(among(ids)))),
    session: byKey<string, Session>(async (ids) => byId(await prisma.session.findMany(among(ids)))),
    snapshot: byKey<string, RollbackSnapshot>(async (ids) => {
      const rows = await prisma.rollbackSnapshot.findMany({ ...among(ids), omit: { data: true } });
      return byId(rows.map((row) => ({ ...row, data: null })));
    }),
    verification: byKey<string, Verification>(async (ids) => byId(await prisma.verification.findMany(among(ids)))),
    auditEntry: byKey<string, AuditEntry>(async (ids) => byId(await prisma.auditEntry.findMany(among(ids)))),
  };
}
