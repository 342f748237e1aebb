import type { AuditFact } from '../ports/audit-log.ts';
import type { Caller } from './contract.ts';

/** What the audit log keeps of a caller's action. */
export function auditFact(
  caller: Caller | null,
  type: string,
  about: Partial<Pick<AuditFact, 'pointId' | 'operationId' | 'sessionId'>>,
  data: AuditFact['data'] = {},
): AuditFact {
  return {
    type,
    data,
    actor: caller?.actor ?? null,
    ip: caller?.ip ?? null,
    userAgent: caller?.userAgent ?? null,
    pointId: null,
    operationId: null,
    sessionId: null,
    ...about,
  };
}
