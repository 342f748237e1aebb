import { actionOf } from '../../../core/entities.ts';
import { InvalidInputError } from '../../../core/errors.ts';
import type { Subgraph, SubgraphEntity } from '../../../services/contract.ts';
import { builder } from '../builder.ts';
import { ChangeRef, EntityStateRef } from './change.ts';
import { ChangeActionEnum } from './enums.ts';

export const MAX_SUBGRAPH = 2000;

const SubgraphNode = subgraphEntity('SubgraphNode');
const SubgraphRelationship = subgraphEntity('SubgraphRelationship');

export const SubgraphRef = builder.objectRef<Subgraph>('Subgraph').implement({
  description: 'A part of the graph for drawing. Both ends of every relationship are among the nodes.',
  fields: (t) => ({
    nodes: t.field({ type: [SubgraphNode], resolve: ({ nodes }) => [...nodes] }),
    relationships: t.field({ type: [SubgraphRelationship], resolve: ({ relationships }) => [...relationships] }),
    omittedNodes: t.expose('omittedNodes', { type: 'BigInt' }),
    omittedRelationships: t.expose('omittedRelationships', { type: 'BigInt' }),
  }),
});

function subgraphEntity(name: 'SubgraphNode' | 'SubgraphRelationship') {
  return builder.objectRef<SubgraphEntity>(name).implement({
    fields: (t) => ({
      key: t.id({ resolve: ({ state }) => state.key }),
      action: t.field({
        type: ChangeActionEnum,
        nullable: true,
        resolve: ({ change }) => (change === null ? null : actionOf(change)),
      }),
      state: t.expose('state', { type: EntityStateRef, description: 'Of a deleted entity: the state before.' }),
      change: t.expose('change', { type: ChangeRef, nullable: true }),
    }),
  });
}

/** @throws InvalidInputError naming `limit` */
export function checkLimit(limit: number): number {
  if (limit >= 1 && limit <= MAX_SUBGRAPH) return limit;
  throw InvalidInputError.field(['limit'], `must be from 1 to ${MAX_SUBGRAPH}`);
}
