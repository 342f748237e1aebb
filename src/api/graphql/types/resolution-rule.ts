import { strategyOf } from '../../../core/conflict-choice.ts';
import { builder } from '../builder.ts';
import { ConflictSideEnum } from '../inputs/conflicts.ts';
import { ConflictAspectEnum, ConflictStrategyEnum, ConflictTypeEnum, EntityKindEnum } from './enums.ts';
import { graphOf } from './graph-of.ts';
import { GraphRef, ResolutionRuleRef } from './refs.ts';
import { kindFrom } from './stored-change.ts';
import { oneOf } from './stored-enum.ts';

builder.prismaObjectFields(ResolutionRuleRef, (t) => ({
  graph: t.field({ type: GraphRef, resolve: graphOf }),
  kind: t.field({ type: EntityKindEnum, resolve: ({ kind }) => kindFrom(kind) }),
  labels: t.stringList({
    description: 'It speaks of nodes that have all of these; of nodes without labels when there are none.',
    resolve: ({ labels }) => labels,
  }),
  type: t.string({
    nullable: true,
    description: 'It speaks of relationships of this type.',
    resolve: ({ type }) => (type === '' ? null : type),
  }),
  property: t.string({ nullable: true, resolve: ({ property }) => (property === '' ? null : property) }),
  conflictType: t.field({ type: ConflictTypeEnum, resolve: (rule) => oneOf(ConflictTypeEnum, rule.conflictType) }),
  aspect: t.field({ type: ConflictAspectEnum, resolve: ({ aspect }) => oneOf(ConflictAspectEnum, aspect) }),
  side: t.field({ type: ConflictSideEnum, resolve: ({ side }) => oneOf(ConflictSideEnum, side) }),
  strategy: t.field({
    type: ConflictStrategyEnum,
    resolve: ({ side }) => strategyOf({ side: oneOf(ConflictSideEnum, side) }),
  }),
  createdBy: t.exposeString('createdBy', { nullable: true }),
  createdAt: t.expose('createdAt', { type: 'DateTime' }),
  updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
}));
