import type { ChangeSummary, Moment } from '../../../core/moments.ts';
import { builder } from '../builder.ts';

export const MomentRef = builder.objectRef<Moment>('Moment').implement({
  description: 'A position in recorded history. Time never goes back as seq grows.',
  fields: (t) => ({
    seq: t.expose('seq', { type: 'BigInt' }),
    time: t.expose('time', { type: 'DateTime' }),
  }),
});

export const ChangeSummaryRef = builder.objectRef<ChangeSummary>('ChangeSummary').implement({
  fields: (t) => ({
    nodesCreated: t.expose('nodesCreated', { type: 'BigInt' }),
    nodesUpdated: t.expose('nodesUpdated', { type: 'BigInt' }),
    nodesDeleted: t.expose('nodesDeleted', { type: 'BigInt' }),
    relationshipsCreated: t.expose('relationshipsCreated', { type: 'BigInt' }),
    relationshipsUpdated: t.expose('relationshipsUpdated', { type: 'BigInt' }),
    relationshipsDeleted: t.expose('relationshipsDeleted', { type: 'BigInt' }),
  }),
});

export const NO_CHANGES: ChangeSummary = {
  nodesCreated: 0n,
  nodesUpdated: 0n,
  nodesDeleted: 0n,
  relationshipsCreated: 0n,
  relationshipsUpdated: 0n,
  relationshipsDeleted: 0n,
};
